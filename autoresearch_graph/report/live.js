// Load the page again when the ledger has grown, but not while somebody reads a diff.
const seen = document.currentScript.dataset.version;
setInterval(async () => {
  if (document.querySelector("details[open]")) return;
  const answer = await fetch("version").catch(() => null);
  if (answer?.ok && (await answer.text()) !== seen) location.reload();
}, 2000);
