"""`autoresearch`, which is `python -m autoresearch_graph`."""


def main() -> None:
    """Load the command line and run it; Ctrl-C meanwhile ends it without a traceback."""
    try:
        from autoresearch_graph.cli import app as cli

        cli.main()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
