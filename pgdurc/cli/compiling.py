"""`pgdurc compile`, `check` and `explain`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pgdurc.cli.report import fail_with, printable, report_diagnostics, write_text
from pgdurc.failure import Exit, Failure

if TYPE_CHECKING:
    from pgdurc.compile import Compiled
    from pgdurc.diagnostic import Diagnostic
    from pgdurc.source import Source

Function = TypeVar("Function", bound=Callable[..., Any])


def diagnostic_options(function: Function) -> Function:
    """--strict and --format; the command gets `strict` and `style`."""
    for decorate in (
        click.option(
            "--format",
            "style",
            type=click.Choice(["text", "json", "github"]),
            default="text",
            help="How problems are written to standard error.",
        ),
        click.option("--strict", is_flag=True, help="Take warnings as errors."),
    ):
        function = decorate(function)
    return function


@click.command(
    "compile",
    epilog="""
    \b
    Examples:
      pgdurc compile hello.pgd
      pgdurc compile hello.pgd | psql -1 -v ON_ERROR_STOP=1
      pgdurc compile hello.pgd -o migrations/0042_hello.sql
      pgdurc compile hello.pgd -o migrations/0042_hello.sql --check          in CI: fails when it is stale
      cat hello.pgd | pgdurc compile -
    """,
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write here, not to standard output; a directory that is missing is made.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail with a diff where the output file is stale.")
@diagnostic_options
def compile_command(
    files: tuple[Path, ...], output: Path | None, check: bool, strict: bool, style: str
) -> None:
    """Compile workflow scripts to SQL, on standard output; what is not a workflow passes through.

    On an error nothing is written. FILE - is standard input.
    """
    if check and output is None:
        raise click.UsageError("--check takes -o: the file to compare with")
    _require_other_file(files, output)
    results = _compile_all(files, strict, style)
    sql = _joined(result.compiled.sql for result in results if result.compiled is not None)
    if output is None:
        write_text(sql)
    elif check:
        _compare(sql, output)
    else:
        _write_file(sql, output)


@click.command(
    "check",
    epilog="""
    \b
    Examples:
      pgdurc check *.pgd
      pgdurc check --strict --format github *.pgd          in GitHub Actions: annotations
    """,
)
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True)
)
@diagnostic_options
def check_command(files: tuple[Path, ...], strict: bool, style: str) -> None:
    """Report every problem of workflow scripts, and write nothing."""
    _compile_all(files, strict, style)


def _codes_that_begin(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    from pgdurc.codes import CODES, SQLSTATES

    return [code for code in (*CODES, *SQLSTATES) if code.startswith(incomplete.upper())]


@click.command(
    "explain",
    epilog="""
    \b
    Examples:
      pgdurc explain PGD101
      pgdurc explain PD004          an SQLSTATE of the runtime
      pgdurc explain 'operator does not exist: unknown ~> unknown'
      pgdurc explain | grep cron    all codes, a line each
    """,
)
@click.argument("code", required=False, shell_complete=_codes_that_begin)
def explain_command(code: str | None) -> None:
    """Tell the story of an error CODE, with an example; without one, list all codes.

    A message will do that holds a code, or that PostgreSQL has for a script that was not compiled.
    """
    from pgdurc.codes import CODES, SQLSTATES, explain, near_codes

    if code is None:
        for name, known in (CODES | SQLSTATES).items():
            click.echo(f"{name}  {known.title}")
        return
    story = explain(code)
    if story is None:
        near = near_codes(code)
        raise Failure(
            f'unknown code "{code}"',
            hint=f"did you mean {' or '.join(near)}?"
            if near
            else "pgdurc explain lists all: the compiler's look like PGD101, the runtime's like PD001;"
            " others are PostgreSQL's",
            exit_code=Exit.USAGE,
        )
    click.echo(story)


@dataclass(frozen=True, slots=True)
class Result:
    """A file compiled; `compiled` is None where it has errors."""

    source: Source
    compiled: Compiled | None
    diagnostics: tuple[Diagnostic, ...]


def compile_file(file: Path) -> tuple[Source, Compiled]:
    """Compile one file and report what there is to say of it; ends the command where it has errors."""
    result = _compile(file, strict=False)
    if result.compiled is None:
        fail_with(result.source, result.diagnostics, Exit.INPUT)
    report_diagnostics((result.source, diagnostic) for diagnostic in result.diagnostics)
    return result.source, result.compiled


def _compile_all(files: tuple[Path, ...], strict: bool, style: str) -> list[Result]:
    """All of the files, so that all problems are seen at once; ends the command where one has errors."""
    results = [_compile(file, strict) for file in files]
    if style == "json" or any(result.diagnostics for result in results):
        report_diagnostics(((r.source, diagnostic) for r in results for diagnostic in r.diagnostics), style)
    if any(result.compiled is None for result in results):
        click.get_current_context().exit(Exit.INPUT)
    return results


def _compile(file: Path, strict: bool) -> Result:
    from pgdurc.compile import compile_source
    from pgdurc.diagnostic import Severity
    from pgdurc.source import SourceError, read

    try:
        source = read(_content(file), "<stdin>" if str(file) == "-" else printable(str(file)))
    except SourceError as error:
        return Result(error.source, None, error.diagnostics)
    compiled = compile_source(source)
    found = [*compiled.diagnostics]
    if "\\i" in source.text:
        from pgdurc.includes import check_includes

        found += check_includes(source, compiled, None if str(file) == "-" else file)
    if not found:
        return Result(source, compiled, ())
    from pgdurc import render

    diagnostics = render.in_order(render.without_ignored(source, found))
    if strict:
        diagnostics = render.strict(diagnostics)
    has_errors = any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
    return Result(source, None if has_errors else compiled, diagnostics)


def _content(file: Path) -> bytes:
    if str(file) == "-" and sys.stdin is None:
        raise Failure("cannot read standard input: it is closed", exit_code=Exit.USAGE)
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        message, hint = f"cannot read {file}: {error.strerror}", _unreadable_hint(file, error)
        raise Failure(message, hint=hint, exit_code=Exit.USAGE) from None


def _unreadable_hint(file: Path, error: OSError) -> str | None:
    match error:
        case IsADirectoryError():
            return f"name its files: {file}/*.pgd"
        case FileNotFoundError():
            from pgdurc.nearest import nearest

            there = [one.name for one in file.parent.glob("*") if one.suffix in (".pgd", ".sql")]
            guess = nearest(file.name, there)
            return None if guess is None else f"did you mean {file.parent / guess}?"
        case PermissionError():
            return "the user that runs pgdurc needs the right to read it"
    return None


def _require_other_file(files: tuple[Path, ...], output: Path | None) -> None:
    """Refuse to write over what is compiled: the source would be lost."""
    if output is None or not output.is_file():
        return
    for file in files:
        if file.is_file() and file.samefile(output):
            raise Failure(
                f"-o names a file that is compiled: {output}",
                hint="the source would be lost; name another file, for example one that ends in .sql",
                exit_code=Exit.USAGE,
            )


def _joined(texts: Iterable[str]) -> str:
    """One text after another, each beginning on a line of its own: the one before may end with a comment."""
    joined = ""
    for text in texts:
        joined += "\n" + text if joined and not joined.endswith("\n") else text
    return joined


def _write_file(sql: str, output: Path) -> None:
    """All of it or nothing; a file that is up to date keeps its time, a link its target."""
    content = sql.encode()
    try:
        if output.exists() and not output.is_file():  # a device or a pipe
            output.write_bytes(content)
            return
        target = Path(os.path.realpath(output))
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or target.read_bytes() != content:
            _replace(target, content)
    except OSError as error:
        raise Failure(f"cannot write {output}: {error.strerror}", exit_code=Exit.USAGE) from None


def _replace(target: Path, content: bytes) -> None:
    import tempfile

    mode = target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            Path(file.name).chmod(mode)
            Path(file.name).replace(target)
        except OSError:
            Path(file.name).unlink()
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _compare(sql: str, output: Path) -> None:
    try:
        found = output.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        found = ""
    except OSError as error:
        raise Failure(f"cannot read {output}: {error.strerror}", exit_code=Exit.USAGE) from None
    if found == sql:
        return
    import difflib

    diff = difflib.unified_diff(
        found.splitlines(), sql.splitlines(), str(output), "compiled now", lineterm=""
    )
    for line in diff:
        click.echo(line, err=True)
    raise Failure(f"{output} is stale", hint="compile again without --check", exit_code=Exit.INPUT)
