"""Reads TypeScript well enough for house rules: blanks comments and literals, finds functions of every kind, their parameters and
nesting, imports, and whether a file does anything at run time.

Not a compiler. It relies on what biome's formatter makes of every file: semicolons, and brackets around an arrow's parameters.
"""
import re

from csource import Function, blank, close_of

TOKEN = re.compile(r"[A-Za-z_$#@][\w$]*|\d[\w.]*|=>|\.\.\.|\?\.|\?\?|&&|\|\||[^\sA-Za-z_0-9]")
SPACE_OR_COMMENT = re.compile(r"\s+|//[^\n]*|/\*.*?\*/", re.S)
STRING = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'')
REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*")
# After one of these a slash begins a regular expression; after anything else it divides.
BEFORE_REGEX = set("(,=:[!&|?{};+-*%<>~^") | {"=>", "&&", "||", "??", "...", "return", "typeof", "case", "of", "in", "else", ""}
CONTROL = {"if", "for", "while", "switch", "catch", "with", "await", "return", "throw", "typeof", "case", "of", "in", "new", "else", "do"}
LOOP_WORDS = {"if", "for", "while", "switch"}
OPERATORS_OF_TYPES = {"|", "&", "=>", "is", "extends", "keyof", "typeof", "readonly", "asserts", "infer", "?", ":", ".", "new", "unique"}


class Token(str):
    line = 0


class Closure(Function):
    """A function that others may be inside of."""

    lines_of_others = 0

    @property
    def lines(self):
        return self.last_line - self.line + 1 - self.lines_of_others


class Source:
    """A file's text taken apart: its code with literals and comments blanked, the same with literals, and the comments."""

    def __init__(self, text):
        self.text = text
        self.comments = []  # (line, text)
        self.strings = []  # (position, text without quotes)
        self._code, self._last = list(text), ""
        self._read(0, "")
        self.code = "".join(self._code)
        self.tokens = self._tokens()

    def _blank(self, begin, end):
        self._code[begin:end] = blank(self.text[begin:end])

    def _read(self, at, until):
        """Reads code up to the bracket `until`, which ends a template's `${`."""
        depth = 0
        while at < len(self.text):
            rest = SPACE_OR_COMMENT.match(self.text, at)
            if rest:
                if rest.group().startswith("/"):
                    self.comments.append((self.text.count("\n", 0, at) + 1, rest.group()))
                    self._blank(at, rest.end())
                at = rest.end()
                continue
            literal = self._literal(at)
            if literal > at:
                at, self._last = literal, "a literal"
                continue
            token = TOKEN.match(self.text, at).group()
            if token == until and depth == 0:
                return at + 1
            depth += (token == "{") - (token == "}")
            at, self._last = at + len(token), token
        return at

    def _literal(self, at):
        """Blanks the inside of the literal that begins at `at`, and returns where it ends; `at`: there is none."""
        first = self.text[at]
        if first == "`":
            return self._template(at + 1)
        found = STRING.match(self.text, at) if first in "\"'" else None
        if found:
            self.strings.append((at, found.group()[1:-1]))
        if first == "/" and self._last in BEFORE_REGEX:
            found = REGEX.match(self.text, at)
        if not found:
            return at
        self._blank(at + 1, found.end() - 1)
        self._code[at] = self._code[found.end() - 1] = '"'
        return found.end()

    def _template(self, at):
        """A template reads as a list of what it inserts."""
        begin = at
        self._code[at - 1] = "["
        while at < len(self.text) and self.text[at] != "`":
            if self.text.startswith("${", at):
                self._blank(begin, at)
                self._code[at] = ","
                self._last = "{"
                begin = at = self._read(at + 2, "}")
            else:
                at += 2 if self.text[at] == "\\" else 1
        self._blank(begin, at)
        self._code[at:at + 1] = "]"
        return at + 1

    def _tokens(self):
        found, line, at = [], 1, 0
        code = re.sub(r'"[^"]*"', lambda m: "_" + " " * (len(m.group()) - 1), self.code)
        for match in TOKEN.finditer(code):
            line += code.count("\n", at, match.start())
            at = match.start()
            token = Token(match.group())
            token.line = line
            found.append(token)
        return found

    def functions(self):
        return list(find_functions(self.tokens))

    def imports(self):
        """(line, what) of everything that this file is made of besides itself, without a query as `?worker`."""
        for at, name in self.strings:
            before = self.code[max(0, at - 200):at].rstrip()
            is_import = re.search(r"(\bfrom|^import|[;\n]import|\bimport\s*\()$", before)
            is_url = re.search(r"\bnew URL\($", before) and re.match(r'"[ ]*",\s*import\.meta\.url', self.code[at:])
            if is_import or is_url:
                yield self.text.count("\n", 0, at) + 1, name.split("?")[0]

    def does_something(self):
        """Whether there is more in it than types and what other files give."""
        toks, at = self.tokens, 0
        while at < len(toks):
            if toks[at] in ("export", "declare"):
                at += 1
            elif toks[at] in ("interface", "global"):
                at = close_of(toks, toks.index("{", at)) + 1
            elif toks[at] in ("import", "type", "*") or toks[at] == "{" and at > 0 and toks[at - 1] == "export":
                at = end_of_expression(toks, at, ";") + 1
            elif toks[at] == ";":
                at += 1
            else:
                return True
        return False


def end_of_expression(toks, at, ends=";,)]}"):
    """Index of what ends the expression at `at`: a separator or the bracket around it."""
    while at < len(toks):
        if toks[at] in ends:
            return at
        if toks[at] in ("(", "{", "["):
            at = close_of(toks, at)
        at += 1
    return len(toks) - 1


def after_angles(toks, at):
    """Index after the angle bracket that closes the one at `at`."""
    depth = 0
    while at < len(toks):
        if toks[at] in ("(", "{", "["):
            at = close_of(toks, at)
        depth += (toks[at] == "<") - (toks[at] == ">")
        at += 1
        if depth == 0:
            return at
    return len(toks)


def open_of_angles(toks, at):
    """Index of the angle bracket that the one at `at` closes."""
    depth = 0
    while at > 0:
        depth += (toks[at] == ">") - (toks[at] == "<")
        if depth == 0:
            return at
        at -= 1
    return 0


def after_type(toks, at, stops):
    """Index of the token that ends the type at `at`: a body's `{`, or one of `stops`; None: it is no type."""
    wants_more = True
    while at < len(toks):
        token = toks[at]
        if token in stops and not wants_more or token == "{" and not wants_more:
            return at
        if token in ("{", "(", "["):
            at, wants_more = close_of(toks, at) + 1, False
        elif token == "<":
            at, wants_more = after_angles(toks, at), False
        elif token in (";", ",", ")", "]", "}", "="):
            return None
        else:
            at, wants_more = at + 1, token in OPERATORS_OF_TYPES
    return None


def count_parameters(toks):
    parts, at, is_empty = 0, 0, True
    while at < len(toks):
        if toks[at] == ",":
            parts, is_empty = parts + (not is_empty), True
            at += 1
            continue
        is_empty = False
        if toks[at] in ("(", "{", "["):
            at = close_of(toks, at) + 1
        elif toks[at] == "<" and ">" in toks[at:]:
            at = after_angles(toks, at)
        else:
            at += 1
    return parts + (not is_empty)


def name_before(toks, at):
    """The name that stands before the bracket of parameters at `at`, and whether it is that of a function with a body."""
    before = at - 1
    if before >= 0 and toks[before] == ">" and (toks[before - 1] != "="):
        before = open_of_angles(toks, before) - 1
    if before < 0:
        return "a function", False
    if toks[before] == "]" or toks[before] == "function" or toks[before] == "*":
        return "a function", True
    if re.match(r"[A-Za-z_$#]", toks[before]) and toks[before] not in CONTROL | {"async"}:
        return toks[before], True
    before -= toks[before] == "async"
    if before > 0 and toks[before] in ("=", ":") and re.match(r"[A-Za-z_$#]", toks[before - 1]):
        return toks[before - 1], False
    return "a function", False


def body_of(toks, at, close, has_name):
    """Where the body begins of a function whose parameters stand in the brackets from `at` to `close`; None: it is no function."""
    body = close + 1
    if body < len(toks) and toks[body] == ":":
        body = after_type(toks, body + 1, () if has_name else ("=>",))
    if body is None or body >= len(toks):
        return None
    if has_name:
        return body if toks[body] == "{" else None
    return body + 1 if toks[body] == "=>" else None


def find_functions(toks):
    """Every function, in order. What is declared or a method inside another counts for itself alone: its lines are not the other's."""
    around = []  # (index of the last token, function)
    for at, token in enumerate(toks):
        if token != "(" or at > 0 and toks[at - 1] in CONTROL:
            continue
        name, has_name = name_before(toks, at)
        close = close_of(toks, at)
        body = body_of(toks, at, close, has_name)
        if body is None:
            continue
        is_block = toks[body:body + 1] == ["{"]
        end = close_of(toks, body) if is_block else end_of_expression(toks, body) - 1
        nesting = Nesting(toks[body:end + 1])
        if is_block:
            nesting.block(0)
        function = Closure(name, token.line, toks[end].line, count_parameters(toks[at + 1:close]), nesting.deepest)
        around = [(last, other) for last, other in around if last > at]
        if around and has_name:
            around[-1][1].lines_of_others += function.last_line - function.line + 1
        around.append((end, function))
        yield function


class Nesting:
    """How deep control statements stand in one another; a chain of else-if is one level. A function inside is judged by itself."""

    def __init__(self, toks):
        self.toks, self.at, self.deepest = toks, 0, 0

    def peek(self, ahead=0):
        return self.toks[self.at + ahead] if self.at + ahead < len(self.toks) else ""

    def skip_brackets(self):
        self.at = close_of(self.toks, self.at) + 1

    def block(self, depth):
        self.at += 1
        while self.peek() and self.peek() != "}":
            self.statement(depth)
        self.at += 1

    def body(self, depth):
        self.deepest = max(self.deepest, depth)
        self.statement(depth)

    def statement(self, depth):
        token = self.peek()
        if token == "{":
            self.block(depth)
        elif token in LOOP_WORDS:
            self.at += 2 if self.peek(1) == "await" else 1
            self.skip_brackets()
            self.body(depth + 1)
            if token == "if" and self.peek() == "else":
                self.at += 1
                self.statement(depth) if self.peek() == "if" else self.body(depth + 1)
        elif token == "do":
            self.at += 1
            self.body(depth + 1)
            self.expression()
        elif token in ("try", "catch", "finally"):
            self.at += 1
            if self.peek() == "(":
                self.skip_brackets()
            self.statement(depth)
        elif token in ("class", "function", "async") and self.declares():
            self.at = self.toks.index("{", self.declares())
            self.skip_brackets()
        elif token in ("case", "default") or (token and self.peek(1) == ":"):
            self.label()
        else:
            self.expression()

    def declares(self):
        """Where the body of a declared class or function may begin at the earliest; 0: it is an expression."""
        if self.peek() == "class":
            return self.at if "{" in self.toks[self.at:] else 0
        if "function" not in (self.peek(), self.peek(1)) or "(" not in self.toks[self.at:]:
            return 0
        close = close_of(self.toks, self.toks.index("(", self.at))
        after = close + 1
        if after < len(self.toks) and self.toks[after] == ":":
            after = after_type(self.toks, after + 1, ())
        return after if after and "{" in self.toks[after:] else 0

    def label(self):
        while self.peek() and self.peek() != ":":
            if self.peek() in ("(", "{", "["):
                self.skip_brackets()
            else:
                self.at += 1
        self.at += 1

    def expression(self):
        while self.peek() and self.peek() != ";":
            if self.peek() == "}":
                return
            if self.peek() in ("(", "{", "["):
                self.skip_brackets()
            else:
                self.at += 1
        self.at += 1
