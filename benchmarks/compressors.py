"""What compressors need for the validation text, in bits a byte: the scale that val_bpb is read on.

    PYTHONPATH=. python benchmarks/compressors.py

They see that text alone, from its first byte to its last, and may look back as far as they can. The
model has read other text before, and sees one short window at a time.
"""

import bz2
import gzip
import lzma
import shutil
import subprocess

import prepare
from benchmarks.arguments import parser

COMMANDS = {"zstd -19": ["zstd", "-19", "-c", "-q"], "xz -9e": ["xz", "-9e", "-c"]}


def main() -> None:
    """Print a line for each compressor; those of the command line only where they are installed."""
    parser(__doc__).parse_args()
    part, tokens = prepare.held_out("validation"), prepare.corpus().tokens
    text = b"".join(tokens[token] for token in part.tokens if token != prepare.OPENING)
    sizes = {
        "gzip -9": len(gzip.compress(text, 9)),
        "bzip2 -9": len(bz2.compress(text, 9)),
        "lzma, extreme": len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)),
    }
    for name, command in COMMANDS.items():
        if shutil.which(command[0]):
            done = subprocess.run(command, check=True, input=text, capture_output=True)
            sizes[name] = len(done.stdout)
    print(f"data: {part.name}, {len(text):,} bytes")
    for name, size in sizes.items():
        print(f"{name}: {8 * size / len(text):.3f}")


if __name__ == "__main__":
    main()
