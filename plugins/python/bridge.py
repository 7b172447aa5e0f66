# SPDX-License-Identifier: MIT
"""The part of the plugin `python` that is easier to say in Python: loads a script, reads a function's signature, and puts
exceptions into one line. Its functions are called from python.c."""

import builtins
import io
import os
import sys
import types

import _sheaf
import sheaf

INT, FLOAT, CHOICE, TEXT, BOOL = 1, 2, 3, 4, 5  # as in sheaf/plugin.h
DTYPES = {name: i + 1 for i, name in enumerate(  # likewise
    ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64"))} | {"date": 13}
FILE = "<sheaf>"  # what these sources call themselves in tracebacks


class Refused(Exception):
    """What is wrong with a script, in one line."""


# ---- streams ----

class Raw(io.RawIOBase):
    def __init__(self, fd):
        self._fd = fd

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        _sheaf.write(self._fd, data)
        return len(data)

    def fileno(self):
        return self._fd


class Stream(io.TextIOBase):
    """stdout or stderr: whatever is printed belongs to the task at hand."""

    encoding, errors = "utf-8", "backslashreplace"

    def __init__(self, fd):
        self._fd = fd
        self.buffer = Raw(fd)

    def writable(self):
        return True

    def write(self, text):
        _sheaf.write(self._fd, text.encode("utf-8", "backslashreplace"))
        return len(text)

    def flush(self):
        _sheaf.write(self._fd, b"")

    def reconfigure(self, **_):
        """What scripts ask for here is UTF-8, mostly, which it is."""

    def fileno(self):
        return self._fd


def start(plugin):
    """plugin: where python.so lies. Beside it, built or installed, is the module sheaf for processes that a script spawns, which take
    over sys.path; here it is there already."""
    for up in ("..", "../../.."):
        folder = os.path.abspath(os.path.join(os.path.dirname(plugin), up, "share", "sheaf", "python"))
        if os.path.isfile(os.path.join(folder, "sheaf", "__init__.py")):
            sys.path.append(folder)
            break
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = Stream(1), Stream(2)
    os.register_at_fork(before=sys.stdout.flush, after_in_child=_sheaf.forked)


# ---- loading ----

def is_installed(path):
    """Of Python's own library, or installed."""
    return "site-packages" in path or "dist-packages" in path or path.startswith(os.path.dirname(os.__file__) + os.sep)


def check_source(source, path):
    """Python refuses a NUL, too, but does not say where."""
    at = source.find(b"\0")
    if at >= 0:
        raise SyntaxError("there is a NUL byte", (path, source.count(b"\n", 0, at) + 1, None, None))


def compile_own_sources():
    """Modules of one's own are compiled from their source, which is kept for the digest: a .pyc is believed to be that of a source
    of the same size and second, and would run the old code under the new digest."""
    from importlib.machinery import SourceFileLoader
    get_cached = SourceFileLoader.get_code

    def get_code(loader, name):
        path = loader.get_filename(name)
        if is_installed(os.path.abspath(path)):
            return get_cached(loader, name)
        loader.sheaf_source = loader.get_data(path)
        check_source(loader.sheaf_source, path)
        return loader.source_to_code(loader.sheaf_source, path)

    SourceFileLoader.get_code = get_code


def split_script(text):
    """(folder, file or None, module, function or None)"""
    folder, name = os.path.split(text)
    stem, colon, function = name.rpartition(":")
    if not colon:
        stem, function = name, None
    if stem.endswith(".py"):
        return folder, stem, stem[:-3], function
    return folder, None, stem, function


def read_script(folder, file, module_name):
    """A script of a file: its bytes are what is compiled and what the identity is made of, not what a .pyc remembers."""
    path = os.path.join(folder, file)
    try:
        with open(path, "rb") as f:
            source = f.read()
    except OSError as e:
        raise Refused(f"{path}: {e.strerror}") from None
    check_source(source, path)
    code = compile(source, path, "exec", dont_inherit=True)
    if module_name in sys.modules or not module_name.isidentifier():
        module_name = "sheaf_script"
    module = types.ModuleType(module_name)
    module.__file__ = path
    module.__builtins__ = builtins
    sys.modules[module_name] = module
    exec(code, module.__dict__)
    return module, source


def load(script):
    """(module, name of the function or None, folder, bytes that tell it from others)"""
    folder, file, module_name, function = split_script(script)
    sys.path.insert(0, folder)
    compile_own_sources()
    sys.argv = [os.path.join(folder, file or module_name)]
    before = set(sys.modules)
    if file:
        module, source = read_script(folder, file, module_name)
    else:
        import importlib
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as e:
            if e.name and (module_name == e.name or module_name.startswith(e.name + ".")):
                raise Refused(f"there is no module {e.name} in {folder} or among the installed ones") from None
            raise
        source = contents(module)
    return module, function, folder, [(module.__name__, source)] + own_modules(before, module)


def contents(module):
    source = getattr(getattr(module, "__loader__", None), "sheaf_source", None)
    if source is not None:
        return source
    try:
        with open(module.__file__, "rb") as f:
            return f.read()
    except (AttributeError, TypeError, OSError):
        return b""


def own_modules(before, script):
    """The modules that the script has brought along: neither of Python's own library nor installed."""
    found = []
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if name in before or module is script or not isinstance(file, str) or file.startswith("<"):
            continue
        if not is_installed(os.path.abspath(file)):
            found.append((name, contents(module)))
    return found


def digest(parts):
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    h = blake2b(digest_size=32)
    for name, source in parts:
        for piece in (name.encode(), source):
            h.update(len(piece).to_bytes(8, "little"))
            h.update(piece)
    return h.hexdigest()


def find_function(module, name):
    marked = [f for f in vars(module).values() if callable(f) and isinstance(getattr(f, "__sheaf__", None), dict)]
    if name is None and len(marked) == 1:
        return marked[0]
    if name is None and len(marked) > 1:
        names = ", ".join(f.__name__ for f in marked)
        raise Refused(f"it marks several functions with @sheaf.plugin: {names}; name one, as in "
                      f"plugin: {os.path.basename(sys.argv[0])}:{marked[0].__name__}")
    wanted = name or "score"
    function = vars(module).get(wanted)
    if callable(function):
        return function
    if function is not None:
        raise Refused(f"its {wanted} is no function")
    own = [n for n, f in vars(module).items()
           if isinstance(f, types.FunctionType) and f.__module__ == module.__name__ and not n.startswith("_")]
    has = "it defines " + ", ".join(own[:20]) if own else "it defines none"
    raise Refused(f"it has no function {wanted}; {has}" + (f" (plugin: {os.path.basename(sys.argv[0])}:{own[0]} takes that one)" if own and not name else ""))


# ---- the signature ----

def number_limits(text, given):
    """(min, max) of an annotation's extra: a range or a pair."""
    if isinstance(given, range) and len(given) > 0 and given.step == 1:
        return float(given.start), float(given.stop - 1)
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(v, (int, float)) for v in given) and given[0] <= given[1]:
        return float(given[0]), float(given[1])
    raise Refused(f"parameter {text}: its limits are {given!r}; write Annotated[int, (LEAST, MOST)]")


def parameter(p, annotation):
    """(name, type, required, default, min, max, choices, values, help)"""
    import enum
    import inspect
    import typing
    low, high, help = 1.0, 0.0, ""
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in annotation.__metadata__:
            if isinstance(extra, str):
                help = " ".join(extra.split())
            else:
                low, high = number_limits(p.name, extra)
        annotation = annotation.__origin__
    required = p.default is inspect.Parameter.empty
    if annotation is inspect.Parameter.empty:
        annotation = float if required else type(p.default)
    choices = values = None
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        values, choices = tuple(annotation), [m.name for m in annotation]
        kind = CHOICE
    elif typing.get_origin(annotation) is typing.Literal:
        values = typing.get_args(annotation)
        choices = [str(v) for v in values]
        kind = CHOICE
    else:
        kind = {int: INT, float: FLOAT, bool: BOOL, str: TEXT}.get(annotation)
    if kind is None:
        shown = getattr(annotation, "__name__", None) or str(annotation)
        raise Refused(f"parameter {p.name}: {shown} is none of int, float, bool, str, Literal[...] and an Enum")
    default = None if required else check_default(p, kind, values)
    return p.name, kind, required, default, low, high, choices, values, help


def check_default(p, kind, values):
    if kind == CHOICE:
        for i, v in enumerate(values):
            if v is p.default or (type(v) is type(p.default) and v == p.default):
                return i
        raise Refused(f"parameter {p.name}: its default {p.default!r} is none of its choices")
    ok = {INT: int, FLOAT: (int, float), BOOL: bool, TEXT: str}[kind]
    if not isinstance(p.default, ok) or (kind in (INT, FLOAT) and isinstance(p.default, bool)):
        raise Refused(f"parameter {p.name}: its default {p.default!r} is of another type than its annotation says")
    if kind == INT and not -2**63 <= p.default < 2**63:
        raise Refused(f"parameter {p.name}: its default does not fit into 64 bits")
    return float(p.default) if kind == FLOAT else p.default


def annotation_of(function, p):
    """That of one parameter, evaluated where it is a text. What cannot be (an import for type checkers only) is none where a default
    says the type; of the data and of the result nobody asks."""
    import inspect
    import types
    import typing
    function = inspect.unwrap(function)
    names = getattr(function, "__globals__", None) or vars(sys.modules[type(function).__module__])
    holder = types.SimpleNamespace(__annotations__={p.name: p.annotation})
    try:
        return typing.get_type_hints(holder, names, include_extras=True)[p.name]
    except Exception as e:
        if p.default is not p.empty:
            return p.empty
        raise Refused(f"an annotation of {getattr(function, '__name__', function)} cannot be read: {p.name}: {e}") from None


def parameters(function):
    """(takes data, list of parameters)"""
    import inspect
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        raise Refused(f"the signature of {function!r} cannot be read; wrap it in a function of your own") from None
    takes_data, found = False, []
    for i, p in enumerate(signature.parameters.values()):
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise Refused(f"{function.__name__} takes {'*' if p.kind == p.VAR_POSITIONAL else '**'}{p.name}; a sweep's parameters need names")
        if i == 0 and p.kind != p.KEYWORD_ONLY:
            takes_data = True
            continue
        if p.kind == p.POSITIONAL_ONLY:
            raise Refused(f"{function.__name__} takes {p.name} by position only; parameters are given by name")
        found.append(parameter(p, p.empty if p.annotation is p.empty else annotation_of(function, p)))
    return takes_data, found


def plugin_name(module, marks, script):
    name = marks.get("name")
    if name is None:
        name = "".join(c if c.isascii() and c.isalnum() else "_" for c in split_script(script)[2].rpartition(".")[2].lower())
        name = (name if name[:1].isalpha() else "script_" + name)[:63]
    return name


def row_arrays(marks, takes_data, outputs):
    """(name, row axis) of each array; "*" is all that are not named."""
    arrays, rows = marks.get("arrays"), marks.get("rows")
    measures = dict.fromkeys(array for *_, axes in outputs for _, array, _ in axes if array is not None)
    if not takes_data and not measures:
        return []
    if arrays is None:
        named = dict.fromkeys([*(rows or []), *measures])
        every = [("*", None if rows is not None else "row")] if takes_data else []
        return [(name, "row" if rows is None or name in rows else None) for name in named] + every
    for name in rows or []:
        if name not in arrays:
            raise Refused(f"sheaf.plugin: rows has {name}, which arrays has not")
    for name in measures:
        if name not in arrays:
            raise Refused(f"sheaf.plugin: an output is as long as {name}, which arrays has not")
    return [(name, "row" if rows is None or name in rows else None) for name in arrays]


def dtype_number(name, given):
    """As in sheaf/plugin.h, of a name, a type of Python or of NumPy."""
    text = given if isinstance(given, str) else getattr(given, "__name__", None) or str(given)
    text = {"float": "float64", "int": "int64"}.get(text, text)
    try:
        return DTYPES[text]
    except KeyError:
        raise Refused(f"sheaf.plugin: output {name}: there is no type {text}; it is one of {', '.join(DTYPES)}") from None


def output_axis(name, axis):
    """(elements, array or None, its axis)"""
    if isinstance(axis, int) and not isinstance(axis, bool) and 0 < axis < 2**63:
        return axis, None, 0
    array, of = axis if isinstance(axis, tuple) and len(axis) == 2 else (axis, 0)
    if isinstance(array, str) and isinstance(of, int) and 0 <= of < 8:
        return 0, array, of
    raise Refused(f"sheaf.plugin: output {name}: an axis is {axis!r}; write a number from 1 on, an array whose first axis is as "
                  "long, or (ARRAY, AXIS)")


def output_arrays(marks):
    """(name, type, axes) of each output array."""
    found = []
    for name, given in (marks.get("outputs") or {}).items():
        dtype, *axes = given if isinstance(given, (tuple, list)) and given else (given,)
        found.append((name, dtype_number(name, dtype), [output_axis(name, a) for a in axes]))
    return found


def describe(script, config, scores):
    """All that python.c puts into the descriptor, and what it calls."""
    import json
    sheaf.config = json.loads(config)
    module, name, folder, parts = load(script)
    function = find_function(module, name)
    takes_data, params = parameters(function)
    marks = getattr(function, "__sheaf__", {})
    doc = (getattr(function, "__doc__", None) or getattr(module, "__doc__", None) or "").strip()
    outputs, files = output_arrays(marks), marks.get("files")
    sheaf._outputs, sheaf._files = {name: i for i, (name, *_) in enumerate(outputs)}, files is not None
    makes = bool(outputs) or files is not None  # then scores are those that are named, if any
    threads = marks.get("threads", 1)
    if not isinstance(threads, int) or not 1 <= threads <= 1024:
        raise Refused(f"sheaf.plugin: threads is {threads!r}; give a whole number from 1 to 1024")
    return {
        "name": plugin_name(module, marks, script),
        "version": str(getattr(module, "__version__", "")),
        "summary": doc.splitlines()[0].strip() if doc else "",
        "identity": f"python {sys.version.split()[0]} {getattr(function, '__qualname__', name)} b2:{digest(parts)}",
        "params": params,
        "arrays": row_arrays(marks, takes_data, outputs),
        "scores": marks.get("scores") or ([] if makes else list(scores)),
        "outputs": outputs,
        "files": files,
        "groups": marks.get("groups") or [],
        "threads": threads,
        "function": function,
        "takes_data": takes_data,
    }


def make_data(names):
    sheaf._local.clear()  # of the data that it was open for
    return sheaf.Data({name: i for i, name in enumerate(names)})


def make_rows(data):
    """Row numbers from the bytes of int64."""
    numpy = sheaf._numpy()
    return numpy.frombuffer(data, dtype=numpy.int64) if numpy else memoryview(data).cast("q")


# ---- exceptions ----

def place_name(path):
    folder = os.path.dirname(sys.argv[0]) + os.sep if sys.argv and sys.argv[0] else ""
    return path[len(folder):] if folder and path.startswith(folder) else path


def is_foreign(path):
    return path.startswith("<") or is_installed(path)


def explain(e):
    """(one line with the place in the script, the whole traceback)"""
    line, text = in_words(e)
    return sheaf._plain(line), sheaf._plain(text)


def message_of(e):
    try:
        return " ".join(str(e).split())
    except Exception as another:
        return f"(its __str__ raised {type(another).__name__})"


def in_words(e):
    if isinstance(e, Refused):
        return str(e), ""
    import traceback
    frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename != FILE]
    own = [f for f in frames if not is_foreign(f.filename)] or frames
    message = message_of(e)
    kind = type(e).__name__
    if isinstance(e, SyntaxError) and e.filename:
        where, message = f"{place_name(e.filename)}:{e.lineno}: ", str(e.msg)
    else:
        where = f"{place_name(own[-1].filename)}:{own[-1].lineno}: " if own else ""
    tb = e.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename == FILE:
        tb = tb.tb_next
    text = "".join(traceback.format_exception(type(e), e, tb)) if frames or isinstance(e, SyntaxError) else ""
    return f"{where}{kind}: {message}" if message else f"{where}{kind}", text
