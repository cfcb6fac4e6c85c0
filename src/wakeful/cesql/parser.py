"""From text to tree: the grammar of section 2, keywords in any case.

Binding, tightest first: calls; NOT and ``-``; LIKE, EXISTS, IN; ``* / %``; ``+ -``; comparisons;
AND, OR and XOR, which are of one rank and read from left to right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wakeful.cesql.errors import ParseError
from wakeful.cesql.functions import BUILTIN, Functions, find_function
from wakeful.cesql.nodes import (
    Arithmetic,
    Call,
    Chain,
    Compare,
    Equal,
    Exists,
    Identifier,
    In,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
)
from wakeful.cesql.values import MAX_INTEGER, MIN_INTEGER

MAX_DEPTH = 100
"""How deep expressions may nest; deeper ones would need an unbounded stack."""

_TOKENS = re.compile(
    r"""(?P<blank>[ \t\r\n]+)
      | (?P<text>'(?:\\.|''|[^'\\])*'|"(?:\\.|""|[^"\\])*")
      | (?P<word>[A-Za-z0-9_]+)
      | (?P<sign><>|!=|<=|>=|[-+*/%=<>(),])""",
    re.VERBOSE | re.DOTALL,
)
_IDENTIFIER = re.compile(r"[A-Za-z0-9]+")
_FUNCTION = re.compile(r"[A-Za-z][A-Za-z_]*")
_KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})

_COMPARISONS = {"=", "!=", "<>", ">=", "<=", ">", "<"}
_SUMS = {"+", "-"}
_PRODUCTS = {"*", "/", "%"}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """``word``, ``keyword``, ``text``, ``sign`` or ``end``."""
    text: str
    at: int


def _tokens(source: str) -> Iterator[_Token]:
    at = 0
    while at < len(source):
        found = _TOKENS.match(source, at)
        if not found or not found.lastgroup:
            what = (
                "the string has no end"
                if source[at] in "'\""
                else f"{source[at]!r} is not expected"
            )
            raise ParseError(what, at)
        kind, text = found.lastgroup, found.group()
        if kind == "word" and text.upper() in _KEYWORDS:
            kind, text = "keyword", text.upper()
        if kind != "blank":
            yield _Token(kind, text, at)
        at = found.end()
    yield _Token("end", "", at)


def parse(source: str, functions: Functions = BUILTIN) -> Node:
    """Parse an expression.

    Raises:
        ParseError: It is none; the error says where.
    """
    return _Parser(list(_tokens(source)), functions).whole()


class _Parser:
    """Recursive descent, a method for each level of binding."""

    def __init__(self, tokens: list[_Token], functions: Functions) -> None:
        self._tokens, self._functions = tokens, functions
        self._next, self._depth = 0, 0

    def whole(self) -> Node:
        node = self._expression()
        if self._token.kind != "end":
            raise self._unexpected()
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _unexpected(self) -> ParseError:
        token = self._token
        what = (
            "the expression ends too early"
            if token.kind == "end"
            else f'"{token.text}" is not expected'
        )
        return ParseError(what, token.at)

    def _take(self) -> _Token:
        token = self._token
        if token.kind != "end":
            self._next += 1
        return token

    def _accept(self, *texts: str) -> str | None:
        """Take the next token if it is one of these signs or keywords."""
        if self._token.kind in ("sign", "keyword") and self._token.text in texts:
            return self._take().text
        return None

    def _expect(self, text: str) -> None:
        if self._accept(text) is None:
            raise self._unexpected()

    # --- levels, the loosest binding first ---

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError("the expression is nested too deeply", self._token.at)
        first = self._comparison()
        rest: list[tuple[Logic, Node]] = []
        while operator := self._accept(*Logic):
            rest.append((Logic(operator), self._comparison()))
        self._depth -= 1
        return Chain(first, tuple(rest)) if rest else first

    def _comparison(self) -> Node:
        node = self._sum()
        for _ in range(MAX_DEPTH):
            operator = self._accept(*_COMPARISONS)
            if operator is None:
                return node
            right = self._sum()
            if operator in ("=", "!=", "<>"):
                node = Equal(node, right, negated=operator != "=")
            else:
                node = Compare(operator, node, right)
        raise ParseError("too many comparisons in a row", self._token.at)

    def _sum(self) -> Node:
        node = self._product()
        for _ in range(MAX_DEPTH):
            operator = self._accept(*_SUMS)
            if operator is None:
                return node
            node = Arithmetic(operator, node, self._product())
        raise ParseError("too many operators in a row", self._token.at)

    def _product(self) -> Node:
        node = self._test()
        for _ in range(MAX_DEPTH):
            operator = self._accept(*_PRODUCTS)
            if operator is None:
                return node
            node = Arithmetic(operator, node, self._test())
        raise ParseError("too many operators in a row", self._token.at)

    def _test(self) -> Node:
        """LIKE and IN, which follow their operand."""
        node = self._unary()
        for _ in range(MAX_DEPTH):
            negated = self._accept("NOT") is not None
            if self._accept("LIKE"):
                node = Like(node, self._text(), negated)
            elif self._accept("IN"):
                node = In(node, self._list(), negated)
            elif negated:
                raise self._unexpected()
            else:
                return node
        raise ParseError("too many operators in a row", self._token.at)

    def _unary(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ParseError("the expression is nested too deeply", self._token.at)
        node = self._prefixed()
        self._depth -= 1
        return node

    def _prefixed(self) -> Node:
        if self._accept("NOT"):
            return Not(self._unary())
        if self._accept("EXISTS"):
            return Exists(self._identifier())
        if sign := self._accept("-", "+"):
            if self._token.kind == "word" and self._token.text.isdigit():
                return Literal(self._integer(sign))
            if sign == "+":
                raise self._unexpected()
            return Negate(self._unary())
        if self._accept("("):
            node = self._expression()
            self._expect(")")
            return node
        return self._atom()

    def _atom(self) -> Node:
        token = self._token
        match token.kind:
            case "text":
                return Literal(self._text())
            case "keyword" if token.text in ("TRUE", "FALSE"):
                return Literal(self._take().text == "TRUE")
            case "word" if self._tokens[self._next + 1].text == "(":
                return self._call()
            case "word" if token.text.isdigit():
                return Literal(self._integer(""))
            case "word":
                return Identifier(self._identifier())
        raise self._unexpected()

    # --- leaves ---

    def _integer(self, sign: str) -> int:
        token = self._take()
        number = int(sign + token.text) if len(token.text) <= 64 else MAX_INTEGER + 1
        if not MIN_INTEGER <= number <= MAX_INTEGER:
            raise ParseError(f"{sign}{token.text[:64]} is no 32 bit integer", token.at)
        return number

    def _text(self) -> str:
        if self._token.kind != "text":
            raise self._unexpected()
        text = self._take().text
        quote = text[0]
        return re.sub(rf"\\{quote}|{quote}{quote}", quote, text[1:-1])

    def _identifier(self) -> str:
        token = self._token
        if token.kind != "word" or not _IDENTIFIER.fullmatch(token.text):
            raise self._unexpected()
        return self._take().text.lower()

    def _call(self) -> Node:
        token = self._take()
        if not _FUNCTION.fullmatch(token.text):
            raise ParseError(f'"{token.text}" is no name of a function', token.at)
        arguments = self._list(may_be_empty=True)
        name = token.text.upper()
        return Call(name, find_function(self._functions, name, len(arguments)), arguments)

    def _list(self, *, may_be_empty: bool = False) -> tuple[Node, ...]:
        self._expect("(")
        if may_be_empty and self._accept(")"):
            return ()
        nodes = [self._expression()]
        while self._accept(","):
            nodes.append(self._expression())
        self._expect(")")
        return tuple(nodes)
