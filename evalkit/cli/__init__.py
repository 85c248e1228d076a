"""The command line: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

import sys

import typer

from evalkit.cli import catalogue, data, doctor, run, score
from evalkit.errors import EvalkitError

app = typer.Typer(
    name="evalkit",
    help="Asks medical vision-language models the questions of a benchmark, marks the answers, and says how far to trust "
    "the number.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    # Both - and _ are taken in option names.
    context_settings={"token_normalize_func": lambda token: token.replace("_", "-"), "help_option_names": ["-h", "--help"]},
)
app.command("run")(run.run)
app.command("score")(score.score)
app.command("list")(catalogue.list_)
app.command("show")(catalogue.show)
app.command("check")(catalogue.check)
app.add_typer(data.app, name="data")
app.command("doctor")(doctor.doctor)


def main() -> None:
    """The program. An EvalkitError is one line and its own exit code; a bug keeps its traceback."""
    try:
        app()
    except EvalkitError as error:
        print(f"evalkit: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # Whoever read the output has had enough (`| head`); that is no failure of ours.
        sys.stderr.close()
