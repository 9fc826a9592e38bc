"""`pgdurc completion`."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command(
    "completion",
    epilog="""
    \b
    Examples:
      eval "$(pgdurc completion bash)"                                   in ~/.bashrc
      eval "$(pgdurc completion zsh)"                                    in ~/.zshrc
      pgdurc completion fish > ~/.config/fish/completions/pgdurc.fish
    """,
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion_command(shell: str) -> None:
    """Print a script that completes commands, options and codes in SHELL."""
    from click.shell_completion import get_completion_class

    root = click.get_current_context().find_root()
    completion = get_completion_class(shell)
    assert completion is not None
    # Not its source(): that runs the shell to ask for its version.
    writer = completion(root.command, {}, "pgdurc", "_PGDURC_COMPLETE")
    click.echo(writer.source_template % writer.source_vars())
