"""The program's first lines: `phototag`, and `python -m phototag`."""

import os


def main() -> None:
    """The command line, with Ctrl-C and its like in hand before anything that takes time is imported."""
    try:
        from phototag import signals

        signals.end_at_once()
    except KeyboardInterrupt:
        os._exit(130)
    from phototag.cli import main as command_line

    try:
        command_line()
    except SystemExit as end:
        if signals.exit_code() is not None and isinstance(end.code, int):
            signals.leave(end.code)  # whatever threads still decode or compute: Python would wait for them
        raise


if __name__ == "__main__":
    main()
