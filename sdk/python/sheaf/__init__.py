# SPDX-License-Identifier: MIT
"""What a Python plugin of sheaf can use: `import sheaf`. Inside of a slot it talks to sheaf; elsewhere (in a test, an editor, a
notebook) the same functions work without one, so that a plugin stays a plain function. See docs/python.md."""

try:
    import _sheaf
except ImportError:  # not in a slot
    _sheaf = None

__all__ = ["plugin", "report", "emit", "cache", "output", "keys", "log", "stop_requested", "config", "Data"]

config = {}
"""The sweep file's `config`."""


def plugin(function=None, *, scores=None, arrays=None, rows=None, groups=None, outputs=None, files=None, threads=1, name=None):
    """Says what a signature cannot: @sheaf.plugin(scores=["sharpe", "turnover"], arrays=["close"], ...).

    scores: the names of the scores that the function returns; without it one task is run before a sweep begins to find out.
    arrays: the names of the arrays that it reads; without it all of the dataset.
    rows: the names of those whose first axis splits cut; without it all of them.
    outputs: the arrays of which each task fills a row, as {"signal": ("float64", "close", 3)}: the type, then the axes: a number, an array
    whose first axis is as long, or (ARRAY, AXIS). files: one line that says which files it makes. With one of these and without scores it
    returns nothing. groups: what the values are called that it emits. threads: how many it uses at once, itself included."""
    def mark(f):
        f.__sheaf__ = {"scores": _names("scores", scores), "arrays": _names("arrays", arrays), "rows": _names("rows", rows),
                       "groups": _names("groups", groups), "outputs": _outputs_of(outputs), "files": _line(files), "threads": threads, "name": name}
        return f
    return mark if function is None else mark(function)


def _names(what, value):
    if value is None:
        return None
    value = [value] if isinstance(value, str) else list(value)
    if not all(isinstance(v, str) for v in value):
        raise TypeError(f"sheaf.plugin: {what} is a list of names")
    return value


def _outputs_of(value):
    if value is not None and not (isinstance(value, dict) and all(isinstance(name, str) for name in value)):
        raise TypeError("sheaf.plugin: outputs is a dict of names, such as {'signal': ('float64', 'close')}")
    return value


def _line(value):
    if value is not None and not (isinstance(value, str) and value.strip() and value.isprintable()):
        raise TypeError("sheaf.plugin: files is one line that says which files it makes")
    return value


def report(step, value):
    """An intermediate value of this task at step 0, 1, 2 ... False: return what you have."""
    return _sheaf.report(step, value) if _sheaf else True


def stop_requested():
    """True when the sweep was cancelled or the task has been done elsewhere: return soon, with anything."""
    return _sheaf.stop_requested() if _sheaf else False


def emit(group, values):
    """Adds to the sums of a group: a number, a list of numbers, or a dict by the names that @sheaf.plugin(groups=...) gave."""
    if _sheaf:
        _sheaf.emit(group, values)


def log(text, level="info"):
    """Adds a line to the task's log; level is debug, info, warning or error."""
    try:
        number = ("debug", "info", "warning", "error").index(level)
    except ValueError:
        raise ValueError(f"sheaf.log: no level {level!r}; use debug, info, warning or error") from None
    if _sheaf:
        _sheaf.log(number, _plain(str(text)))
    else:
        print(text)


def _plain(text):
    """Text for C: no NUL and no lone surrogates."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


# ---- what is computed once a machine ----

_HEAD = 512  # bytes in front of what is cached: how it is to be read
_local = {}


def cache(name, build):
    """What build() returns, computed once a machine for this plugin, config and dataset, and shared by all slots: an array
    (a read-only one comes back) or something like bytes (a read-only memoryview). It is built again when the process that
    builds it dies."""
    known = _local.get(name)
    if known is None:
        known = _local[name] = _unpack(_sheaf.cache(name, lambda: _pack(build()))) if _sheaf else _read_only(build())
    return known


def _pack(value):
    """The value behind a head that says what it is."""
    described = None
    if hasattr(value, "dtype"):
        value = _numpy().asarray(_plain_array(value), order="C")
        if value.dtype.hasobject:
            raise TypeError("sheaf.cache: an array of Python objects cannot be shared; give it numbers")
        described = (value.dtype.str if value.dtype.names is None else value.dtype.descr), value.shape
        value = value.reshape(-1).view("u1")
    try:
        flat = memoryview(value).cast("B")
    except TypeError:
        raise TypeError(f"sheaf.cache: build returned {type(value).__name__}, not an array or bytes") from None
    head = repr(described).encode()
    if len(head) > _HEAD:
        raise ValueError("sheaf.cache: an array of such a type cannot be shared")
    packed = bytearray(_HEAD + len(flat))
    packed[:len(head)] = head
    packed[_HEAD:] = flat
    return packed


def _plain_array(value):
    """Refuses what would come back as something else, such as a masked array without its mask."""
    numpy = _numpy()
    if isinstance(value, numpy.ndarray) and type(value) not in (numpy.ndarray, numpy.memmap):
        raise TypeError(f"sheaf.cache: build returned {type(value).__name__}, which would come back as a plain array; "
                        "give one, as numpy.array makes")
    return value


def _unpack(memory):
    import ast
    described = ast.literal_eval(bytes(memory[:_HEAD]).rstrip(b"\0").decode())
    if described is None:
        return memory[_HEAD:]
    dtype, shape = described
    if len(memory) == _HEAD:
        return _read_only(_numpy().empty(shape, dtype))
    return _numpy().frombuffer(memory, dtype=dtype, offset=_HEAD).reshape(shape)


def _read_only(value):
    if hasattr(value, "dtype"):
        value = _numpy().array(_plain_array(value))
        value.flags.writeable = False
        return value
    return memoryview(bytes(value))


# ---- all keys ----

_keys = None


def keys():
    """All keys of the sweep, as a tuple: data.key is one of them, keys()[data.index % len(keys())] where there are no splits. Without keys:
    (None,)."""
    global _keys
    if _keys is None and _sheaf:
        _keys = _sheaf.keys()
    return _keys or (None,)


# ---- what a task makes ----

_outputs, _files = {}, False  # in a slot: the number of each output array; whether there are files
_folder = None


def output(name, value=None):
    """Of an output array: this task's row, a writable array, NaN (floats) or 0 so far; with a value, that is put there, and its shape has to
    be the row's. Of anything else, where the script makes files: the path under which to write the file of that name."""
    import os
    name = os.fspath(name)
    if not isinstance(name, str):
        raise TypeError(f"sheaf.output: the name is {name!r}; give a text")
    if not _sheaf:
        return _path_elsewhere(name) if value is None else value
    if name in _outputs:
        row = _array(_sheaf.row(_outputs[name]))
        if value is not None:
            _fill(name, row, value)
        return row
    if not _files or value is not None:
        raise KeyError(f"sheaf.output: there is no output {name}; {_advice()}")
    return _sheaf.path(name)


def _advice():
    if _outputs:
        return f"it has {', '.join(_outputs)}"
    return "say so: @sheaf.plugin(outputs={'NAME': ('float64', ...)})" + ("" if _files else ", or files='which files' for files")


def _fill(name, row, value):
    numpy = _numpy()
    if not numpy:
        _fill_view(name, row, value)
        return
    value = numpy.asarray(value)
    if value.shape != row.shape and value.ndim > 0:
        raise ValueError(f"sheaf.output: a row of {name} has the shape {row.shape}, and the value {value.shape}")
    value = _whole(name, row.dtype, value)
    try:
        numpy.copyto(row, value, casting="same_kind")
    except TypeError:
        raise TypeError(f"sheaf.output: {name} is {row.dtype}, and the value {value.dtype}; convert it first") from None


def _whole(name, dtype, value):
    """Whole numbers, and dates as days since 1970-01-01, as the row has them: none becomes another one on the way."""
    import datetime
    if value.dtype.kind == "O" and value.size and all(isinstance(v, datetime.date) for v in value.flat):
        value = value.astype("datetime64[D]")
    if value.dtype.kind == "M" and dtype.kind == "i":
        value = value.astype("datetime64[D]").astype("int64")
    if value.dtype.kind in "iu" and dtype.kind in "iu":
        stored = value.astype(dtype)
        if ((stored.astype(value.dtype) != value) | ((stored < 0) != (value < 0))).any():
            raise OverflowError(f"sheaf.output: {name} is {dtype}, and a value does not fit into that")
        value = stored
    return value


def _fill_view(name, row, value):
    """Without NumPy: one number, or something like the row."""
    if row.ndim == 0:
        row[()] = value
        return
    value = memoryview(value)
    if value.shape != row.shape or value.format != row.format:
        raise ValueError(f"sheaf.output: a row of {name} has the shape {row.shape} and the type {row.format}, and the value {value.shape} and {value.format}")
    row.cast("B")[:] = value.cast("B")


def _path_elsewhere(name):
    """In a test: a folder of its own, which stays."""
    global _folder
    import os
    import tempfile
    if _folder is None:
        _folder = tempfile.mkdtemp(prefix="sheaf-output-")
    path = os.path.join(_folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


# ---- what a task is given ----

_module = None


def _numpy():
    """NumPy, None where there is none; imported when it is first needed."""
    global _module
    if _module is None:
        try:
            import numpy
            _module = numpy
        except ModuleNotFoundError:
            _module = False
    return _module or None


def _array(view):
    numpy = _numpy()
    return numpy.asarray(view) if numpy else view


class _ReadOnly:
    """What a task put there would be found by the tasks after it, in this slot and no other."""

    def _refuse(self, *_):
        raise AttributeError("data is read-only; keep it in a variable")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = _refuse


class Data(_ReadOnly):
    """A task's data: arrays by name, as attributes or items, and what the task is about.

    key: of its partition (a text or a whole number), None without keys. train, test: rows, as a slice where they are in one
    piece, else as an array of row numbers. seed, index: of the task. dictionary[name]: the texts that a column of
    codes refers to. In tests: Data({"close": array}, test=slice(0, 10))."""

    def __init__(self, arrays, key=None, train=slice(0, 0), test=None, seed=0, index=0):
        if test is None and arrays and not _sheaf:
            test = slice(0, len(next(iter(arrays.values()))))
        # _arrays: name: array, or its number in a slot
        self.__dict__.update(_arrays=arrays, _ready={}, key=key, train=train, test=test, seed=seed, index=index)

    def __getitem__(self, name):
        try:
            return self._ready[name]
        except KeyError:
            pass
        try:
            number = self._arrays[name]
        except KeyError:
            raise KeyError(f"the data has no array {name}; it has {', '.join(self._arrays) or 'none'}") from None
        if isinstance(number, int) and _sheaf:
            view = _sheaf.view(number)
            number = view if view is None else _array(view)
        self._ready[name] = number
        return number

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._arrays:
            value = self[name]
        elif any(a.startswith(name + ".") for a in self._arrays):
            value = Table(self, name)
        else:
            raise AttributeError(f"the data has no array {name}; it has {', '.join(self._arrays) or 'none'}")
        self.__dict__[name] = value
        return value

    def __contains__(self, name):
        return name in self._arrays

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)

    @property
    def dictionary(self):
        return Dictionaries(self._arrays)

    def _forget(self):
        """The arrays are others from now on."""
        for name in self._ready:
            self.__dict__.pop(name, None)
        self._ready.clear()


class Table(_ReadOnly):
    """The columns TABLE.column of a dataset as attributes or items."""

    def __init__(self, data, name):
        self.__dict__.update(_data=data, _name=name)

    def __getitem__(self, name):
        return self._data[f"{self._name}.{name}"]

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as e:
            raise AttributeError(e.args[0]) from None


class Dictionaries:
    """The texts of columns of codes, by the column's name, as tuples; the code is the position."""

    _known = {}

    def __init__(self, arrays):
        self._arrays = arrays

    def __getitem__(self, name):
        if name not in self._known:
            if name not in self._arrays:
                raise KeyError(f"the data has no array {name}; it has {', '.join(self._arrays) or 'none'}")
            self._known[name] = _sheaf.dictionary(self._arrays[name]) if _sheaf else None
        if self._known[name] is None:
            raise KeyError(f"the array {name} holds no texts")
        return self._known[name]
