"""Run: what is kept of one network trained with many seeds. Format: docs/run-format.md.

Groups `steps` (member, step, layer), `probes` (member, probe_step, layer) and `epochs`
(member, epoch); in the root, one value per member. NetCDF4 on disk.
"""

from __future__ import annotations

import hmac
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gradgauge import seal
from gradgauge.datasets.facts import DataFacts
from gradgauge.errors import RunFileProblem, UnknownName
from gradgauge.hdf5 import numbers_in, survive
from gradgauge.layers import (
    LayerInfo,
    Note,
    check_attributes,
    layers_of,
    read_layers,
    read_notes,
)
from gradgauge.parameter_groups import PARAMETER_GROUPS, ParameterGroup, read_groups
from gradgauge.places import is_file
from gradgauge.spec.notation import parse
from gradgauge.variables import attributes_of
from gradgauge.writing import write_whole

if TYPE_CHECKING:
    import pandas
    import xarray

_Entry = TypeVar("_Entry")

FORMAT_VERSION = 1

_SEAL = b"gradgauge sealed"
"""Stands after a saved Run, where HDF5 reads nothing, with the account's digest of all before."""

_MOST_HASHED = 500_000_000
_MOST_GROUPS = 64
_AXES = "DIMENSION_LIST"
GROUPS = ("steps", "probes", "epochs")

MOST_STEPS = 4_096
"""Most steps that a Run keeps, whoever makes it: of a longer training every second, third, ...
step. How many probes there are is the maker's to know."""


@dataclass(frozen=True)
class RunGroup:
    """Arrays that share named axes.

    Attributes:
        coords: axis -> its values.
        variables: name -> (axes, array).
    """

    coords: Mapping[str, np.ndarray]
    variables: Mapping[str, tuple[tuple[str, ...], np.ndarray]] = field(default_factory=dict)

    def to_xarray(self) -> xarray.Dataset:
        """As an xarray Dataset."""
        import xarray

        dataset = xarray.Dataset(self.variables, coords=self.coords)
        for name, variable in dataset.variables.items():
            variable.attrs.update(attributes_of(str(name)))
        return dataset


@dataclass(frozen=True)
class Run:
    """The record of one network, trained with one or more seeds.

    Attributes:
        attributes: name, notation, training, dataset, versions and so on (text and numbers).
        members: the root group, with one value per member (seed).
        groups: `steps`, `probes`, `epochs`.
    """

    attributes: dict[str, Any]
    members: RunGroup
    groups: dict[str, RunGroup]

    def __repr__(self) -> str:
        """One line: what it is of, and how much of it there is."""
        axes = {"step": "steps", "probe_step": "probes", "epoch": "epochs"}
        sizes = [_counted(len(self.members.coords.get("member", ())), "seed")] + [
            _counted(len(self.groups[group].coords.get(axis, ())), group.removesuffix("s"))
            for axis, group in axes.items()
            if group in self.groups
        ]
        words = (repr(str(self.attributes.get("name", ""))), self.attributes.get("notation", ""))
        return f"<Run {' '.join(filter(None, words))}: {', '.join(sizes)}>"

    @property
    def name(self) -> str:
        """Name of the network in its comparison."""
        return self.attributes["name"]

    @property
    def notation(self) -> str:
        """The network notation."""
        return self.attributes["notation"]

    @property
    def seeds(self) -> list[int]:
        """The seeds, one per member."""
        return self.members.coords["member"].tolist()

    @property
    def layers(self) -> list[LayerInfo]:
        """The layers in the order of the layer axis: as a watcher saw them, or as the notation of
        a dense network says."""
        found = read_layers(self.attributes)
        notation = self.attributes.get("notation")
        return found or (layers_of(parse(notation)) if notation else [])

    @property
    def parameter_groups(self) -> list[ParameterGroup]:
        """The parameter groups of the optimizers of a watched training run; their values are in
        `to_pandas("parameter_groups")`."""
        return read_groups(self.attributes)

    @property
    def notes(self) -> list[Note]:
        """What could not be seen in a watched network, and why."""
        return read_notes(self.attributes)

    @property
    def steps(self) -> xarray.Dataset:
        """Gauges of every kept step, taken on training batches."""
        return self.groups["steps"].to_xarray()

    @property
    def probes(self) -> xarray.Dataset:
        """Gauges on the fixed probe batch, at some steps; the first is before training."""
        return self.groups["probes"].to_xarray()

    @property
    def epochs(self) -> xarray.Dataset:
        """Loss and accuracy per epoch."""
        return self.groups["epochs"].to_xarray()

    def values(self, group: str, name: str) -> np.ndarray:
        """A variable's array without xarray: (member, step or probe_step or epoch[, layer]).

        Raises:
            UnknownName: there is no such group, or the group has no variable of this name.
        """
        return _named("variable", name, self._group(group).variables)[1]

    def figure(self, name: str) -> np.ndarray:
        """One value per member: `test_accuracy`, `test_loss`, `non_finite_step`, ...

        Raises:
            UnknownName: this Run has no value of this name.
        """
        return _named("figure", name, self.members.variables)[1]

    def _group(self, name: str) -> RunGroup:
        return _named("group", name, self.groups)

    def to_xarray(self) -> xarray.DataTree:
        """All groups as a DataTree."""
        import xarray

        root = self.members.to_xarray().assign_attrs(self.attributes)
        children = {f"/{name}": group.to_xarray() for name, group in self.groups.items()}
        return xarray.DataTree.from_dict({"/": root, **children})

    def to_pandas(self, group: str = "steps") -> pandas.DataFrame:
        """A group as a table, one row per point of its axes.

        Raises:
            UnknownName: no such group.
        """
        return self._group(group).to_xarray().to_dataframe()

    def save(self, path: Path | str) -> Path:
        """Write to `path`, completely or not at all.

        Raises:
            OutputProblem: it cannot be written.
        """
        content = self._as_bytes()
        key = seal.secret()
        if key is not None:
            content += _SEAL + seal.digest("run", content, key)
        return write_whole(path, lambda temporary: temporary.write_bytes(content))

    def _as_bytes(self) -> bytes:
        """The file's content. HDF5 writes to memory: on a full disk it would lose its way, and
        end the process when it is asked to close the file."""
        import h5netcdf

        memory = io.BytesIO()
        with h5netcdf.File(memory, "w") as file:
            for key, value in {**self.attributes, "format_version": FORMAT_VERSION}.items():
                file.attrs[key] = value
            _write_group(file, self.members)
            for name, group in self.groups.items():
                inherited = set(self.members.coords)
                _write_group(file.create_group(name), group, inherited)
        return memory.getvalue()

    @classmethod
    def load(cls, path: Path | str) -> Run:
        """Read a Run written by `save`.

        Raises:
            RunFileProblem: the file is missing, damaged, not a Run, or of a newer format.
        """
        import h5netcdf
        import h5py

        if not is_file(path):
            raise RunFileProblem(path, "missing")
        try:
            if not _is_own(Path(path)):
                survive(path)
            with h5py.File(path, "r") as file:
                numbers_in(file)
                _check_structure(file)
            with h5netcdf.File(path, "r") as file:
                version = int(file.attrs["format_version"])  # type: ignore[arg-type]
                if version > FORMAT_VERSION:
                    raise RunFileProblem(path, "newer", version=version, known=FORMAT_VERSION)
                run = cls._read(file)
            _check(run)
        except RunFileProblem:
            raise
        # HDF5's and NetCDF's readers answer damage with whatever their parts happen to raise.
        except Exception as error:  # noqa: BLE001
            why = str(error).partition("\n")[0][:200] or type(error).__name__
            raise RunFileProblem(path, "unreadable", why=why) from None
        return run

    @classmethod
    def _read(cls, file: Any) -> Run:
        attributes = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in file.attrs.items()
            if key != "format_version"
        }
        members = _read_group(file, {})
        names = dict.fromkeys((*GROUPS, *file.groups))
        groups = {name: _read_group(file.groups[name], members.coords) for name in names}
        return cls(attributes, members, groups)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _named(kind: str, name: str, table: Mapping[str, _Entry]) -> _Entry:
    try:
        return table[name]
    except KeyError:
        raise UnknownName(kind, name, table) from None


_TEXTS = ("name", "notation", "training", "dataset", "data", "layers", "notes", "gradgauge_version")
_MOST_PARAMETERS = 10**15


def _check(run: Run) -> None:
    """Raise unless attributes and arrays are such as we write."""
    attributes = run.attributes
    for key in _TEXTS:
        if not isinstance(attributes.get(key, ""), str):
            raise TypeError(key)
    if not isinstance(attributes["name"], str):
        raise TypeError("name")
    if not isinstance(json.loads(attributes.get("training") or "{}"), dict):
        raise TypeError("training")
    if not 0 <= int(attributes.get("parameters", 0)) <= _MOST_PARAMETERS:
        raise ValueError("parameters")
    DataFacts.read(attributes)
    check_attributes(attributes)
    groups = len(run.parameter_groups)
    if PARAMETER_GROUPS in run.groups:
        coordinate = run.groups[PARAMETER_GROUPS].coords.get("parameter_group", ())
        if len(coordinate) != groups:
            raise ValueError(PARAMETER_GROUPS)
    layers = len(run.layers)
    for group in run.groups.values():
        if len(group.coords.get("layer", range(layers))) != layers:
            raise ValueError("layer")
    for group in (run.members, *run.groups.values()):
        for axes, array in group.variables.values():
            sizes = tuple(len(group.coords[axis]) for axis in axes)
            if array.shape != sizes or array.dtype.kind not in "fiub":
                raise ValueError("/".join(axes))
    if run.members.coords["member"].dtype.kind not in "iu":
        raise TypeError("member")


def _check_structure(file: Any) -> None:
    """Raise where going through an open h5py file's groups would take minutes, or where HDF5 would
    take something else for the references by which NetCDF finds an array's axes."""
    import h5py

    groups = [found for found in file.values() if isinstance(found, h5py.Group)]
    if len(groups) > _MOST_GROUPS:
        raise ValueError("groups")
    for found in (found for group in (file, *groups) for found in group.values()):
        if isinstance(found, h5py.Group):
            if found not in groups:
                raise ValueError("groups")
        elif isinstance(found, h5py.Dataset) and _AXES in found.attrs:
            kind: Any = found.attrs.get_id(_AXES).get_type()
            held = kind.get_super() if kind.get_class() == h5py.h5t.VLEN else kind
            if held is kind or held.get_class() != h5py.h5t.REFERENCE:
                raise TypeError(_AXES)


def _is_own(path: Path) -> bool:
    """Whether a file is, byte for byte, as `save` left it in this account."""
    end = len(_SEAL) + seal.SIZE
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - end, 0))
        told = file.read()
        if not told.startswith(_SEAL) or size > _MOST_HASHED:
            return False
        key = seal.secret()
        if key is None:
            return False
        file.seek(0)
        own = seal.digest("run", file.read(size - end), key)
        return hmac.compare_digest(told, _SEAL + own)


def _write_group(file: Any, group: RunGroup, inherited: Iterable[str] = ()) -> None:
    for axis, values in group.coords.items():
        if axis not in inherited:
            file.dimensions[axis] = len(values)
            _write_variable(file, axis, (axis,), values)
    for name, (axes, array) in group.variables.items():
        _write_variable(file, name, axes, array)


def _write_variable(file: Any, name: str, axes: tuple[str, ...], array: np.ndarray) -> None:
    variable = file.create_variable(name, axes, data=array)
    for key, value in attributes_of(name).items():
        variable.attrs[key] = value


def _read_group(file: Any, inherited: Mapping[str, np.ndarray]) -> RunGroup:
    arrays = {name: (tuple(v.dimensions), np.asarray(v[...])) for name, v in file.variables.items()}
    own = {name: array for name, (axes, array) in arrays.items() if axes == (name,)}
    variables = {name: value for name, value in arrays.items() if name not in own}
    used = {axis for axes, _ in variables.values() for axis in axes}
    shared = {axis: values for axis, values in inherited.items() if axis in used}
    return RunGroup({**shared, **own}, variables)
