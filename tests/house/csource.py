"""Reads C well enough for house rules: blanks comments and literals, finds functions, their parameters and nesting.

Not a compiler: preprocessor lines are blanked, so a macro's body is judged by its reader alone.
"""
import re

TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|\.\.\.|[^\sA-Za-z_0-9]")
LITERAL = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
LOOP_WORDS = {"if", "for", "while", "switch"}


def blank(text):
    """As many spaces and newlines as `text` has, so that positions and line numbers hold."""
    return re.sub(r"[^\n]", " ", text)


def comments(text):
    """(line, text) of every comment."""
    for match in LITERAL.finditer(text):
        if match.group().startswith("/"):
            yield text.count("\n", 0, match.start()) + 1, match.group()


def without_comments(text):
    return LITERAL.sub(lambda m: blank(m.group()) if m.group().startswith("/") else m.group(), text)


def code_only(text):
    """The text with comments, directives and the insides of literals blanked."""
    text = without_comments(text)
    text = DIRECTIVE.sub(lambda m: blank(m.group()), text)
    return LITERAL.sub(lambda m: m.group()[0] + blank(m.group()[1:-1]) + m.group()[-1], text)


class Token(str):
    line = 0


def tokens(code):
    found, line, at = [], 1, 0
    for match in TOKEN.finditer(code):
        line += code.count("\n", at, match.start())
        at = match.start()
        token = Token(match.group())
        token.line = line
        found.append(token)
    return found


def close_of(toks, at):
    """Index of the bracket that closes the one at `at`, or the last token."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    depth = 0
    for i in range(at, len(toks)):
        if toks[i] in pairs:
            depth += 1
        elif toks[i] in pairs.values():
            depth -= 1
            if depth == 0:
                return i
    return len(toks) - 1


def split_arguments(toks):
    """Number of comma-separated parts at the top level; `void`, nothing and `...` count for none."""
    parts, depth, part = [], 0, []
    for token in toks:
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        if token == "," and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(token)
    parts.append(part)
    return len([p for p in parts if p and p != ["void"] and p != ["..."]])


class Function:
    def __init__(self, name, line, last_line, parameters, nesting):
        self.name, self.line, self.last_line = name, line, last_line
        self.parameters, self.nesting = parameters, nesting

    @property
    def lines(self):
        return self.last_line - self.line + 1


class Nesting:
    """How deep control statements stand in one another; a chain of else-if is one level."""

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
        elif token in LOOP_WORDS or self.is_loop_macro():
            self.at += 1
            self.skip_brackets()
            self.body(depth + 1)
            if token == "if" and self.peek() == "else":
                self.at += 1
                self.statement(depth) if self.peek() == "if" else self.body(depth + 1)
        elif token == "do":
            self.at += 1
            self.body(depth + 1)
            self.expression()
        elif token in ("case", "default") or (token and self.peek(1) == ":"):
            while self.peek() and self.peek() != ":":
                self.at += 1
            self.at += 1
        else:
            self.expression()

    def is_loop_macro(self):
        """NAME(...) followed by a statement, as list_for_each is."""
        if not re.match(r"[A-Za-z_]", self.peek() or "") or self.peek(1) != "(":
            return False
        after = close_of(self.toks, self.at + 1) + 1
        return after < len(self.toks) and (self.toks[after] == "{" or "for_each" in self.peek())

    def expression(self):
        while self.peek() and self.peek() != ";":
            if self.peek() == "}":
                return
            if self.peek() in ("(", "{", "["):
                self.skip_brackets()
            else:
                self.at += 1
        self.at += 1


def function_at(toks, begin, brace):
    """The function whose signature is toks[begin:brace], or None: a struct, an initialiser, a prototype."""
    signature = toks[begin:brace]
    if "=" in signature or "(" not in signature or signature[0] in ("typedef",):
        return None
    i = signature.index("(")
    while i > 0 and signature[i - 1] in ("__attribute__", "_Alignas", "__declspec"):
        after = close_of(signature, i) + 1
        if "(" not in signature[after:]:
            return None
        i = signature.index("(", after)
    if i == 0 or not re.match(r"[A-Za-z_]", signature[i - 1]):
        return None
    end = close_of(toks, brace)
    nesting = Nesting(toks[brace:end + 1])
    nesting.block(0)
    parameters = split_arguments(signature[i + 1:close_of(signature, i)])
    return Function(signature[i - 1], signature[0].line, toks[end].line, parameters, nesting.deepest)


def top_level(code):
    """Yields ("function", Function) and ("declaration", tokens without brace contents), in order."""
    toks, i, begin, kept = tokens(code), 0, 0, []
    while i < len(toks):
        token = toks[i]
        if token == "{" and toks[max(0, i - 2):i] == ["extern", '"'] or token == "{" and toks[i - 3:i] == ["extern", '"', '"']:
            begin, kept, i = i + 1, [], i + 1
        elif token == "{":
            function = function_at(toks, begin, i)
            i = close_of(toks, i) + 1
            if function:
                yield "function", function
                begin, kept = i, []
            else:
                kept.append(Token("{}"))
        elif token in (";", "}"):
            if kept:
                yield "declaration", kept
            begin, kept, i = i + 1, [], i + 1
        else:
            kept.append(token)
            i += 1


def functions(code):
    return [what for kind, what in top_level(code) if kind == "function"]


def without_attributes(toks):
    words = [token for token in toks if token != "__extension__"]
    while "__attribute__" in words:
        at = words.index("__attribute__")
        words[at:close_of(words, at + 1) + 1] = []
    return words


def is_mutable_variable(toks):
    """Whether a top-level declaration makes a variable that can change."""
    words = without_attributes(toks)
    if not words or words[0] in ("typedef", "extern", "_Static_assert", "static_assert"):
        return False
    left = words[:words.index("=")] if "=" in words else words
    if "=" not in words:
        if "(" in left and left[left.index("(") + 1:left.index("(") + 2] != ["*"]:
            return False
        after_body = left[left.index("{}") + 1:] if "{}" in left else left
        is_only_type = left[0] in ("struct", "enum", "union") and ("{}" in left and not after_body or len(left) <= 2)
        if is_only_type:
            return False
    last_star = max([i for i, w in enumerate(left) if w == "*"], default=-1)
    return "const" not in left[last_star + 1:]
