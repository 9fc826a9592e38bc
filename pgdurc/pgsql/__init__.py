"""PostgreSQL's own scanner and parser (libpg_query), and what the compiler asks of them.

This package is the only place that imports postgast, and does so when first called: the import costs more
than all the rest of `pgdurc --help`. All offsets that go in and out are characters; libpg_query counts bytes
in tokens and nodes, characters in errors.
"""

from pgdurc.pgsql.columns import UNNAMED, is_row_returning, result_columns
from pgdurc.pgsql.parser import ParseError, Statement, constant, descend, parse, parse_plpgsql, unwrap
from pgdurc.pgsql.scanner import (
    LETTER,
    LETTER_OR_DIGIT,
    WHITE_SPACE,
    ScanError,
    Token,
    quote_identifier,
    quote_literal,
    scan,
    unquote_identifier,
)

__all__ = [
    "LETTER",
    "LETTER_OR_DIGIT",
    "UNNAMED",
    "WHITE_SPACE",
    "ParseError",
    "ScanError",
    "Statement",
    "Token",
    "constant",
    "descend",
    "is_row_returning",
    "parse",
    "parse_plpgsql",
    "quote_identifier",
    "quote_literal",
    "result_columns",
    "scan",
    "unquote_identifier",
    "unwrap",
]
