"""Files of models: what was saved is loaded, and what is no such file is refused in a sentence."""

from __future__ import annotations

import io
import os
import pickle
import random
import tracemalloc
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from nn import storage
from tests.nn.runs import VERSION_1, fit, model


def test_save_and_load(tmp_path: Path) -> None:
    one, other = nn.MLP(2, [3, 1], rng=0), nn.MLP(2, [3, 1], rng=1)
    assert nn.load(other, nn.save(one, tmp_path / "model.npz")) is other
    assert other.state_dict() == one.state_dict()


def test_a_model_of_another_activation_is_refused_unless_one_insists(tmp_path: Path) -> None:
    one, other = nn.MLP(2, [3, 1], "tanh", rng=0), nn.MLP(2, [3, 1], "step", rng=1)
    path, before = nn.save(one, tmp_path / "model.npz"), other.state_dict()
    difference = r"activation of layers\.0: the file has tanh, the model step \(and 3 more\)"
    with pytest.raises(ValueError, match=f"holds another model: {difference}; give strict=False"):
        nn.load(other, path)
    assert other.state_dict() == before
    assert nn.load(other, path, strict=False).state_dict() == one.state_dict()


def test_files_of_version_1_are_read_for_good() -> None:
    network = nn.load(nn.MLP(2, [3, 1], "tanh", rng=1), VERSION_1 / "model.npz")
    assert list(network.state_dict().values()) == [i / 8 for i in range(13)]


def test_infinities_and_nan_survive(tmp_path: Path) -> None:
    one, other = nn.Neuron(2), nn.Neuron(2)
    one.w[0].data, one.w[1].data, one.b.data = float("inf"), float("nan"), -0.0
    nn.load(other, nn.save(one, tmp_path / "model.npz"))
    assert [str(value) for value in other.state_dict().values()] == ["inf", "nan", "-0.0"]


class Trap:
    """Unpickling it makes a file."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["TRAP"],)


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A file of a model with some members in place of its own."""
    kept: dict[str, bytes] = {}
    with zipfile.ZipFile(nn.save(model(), path)) as own:
        kept |= {name: own.read(name) for name in own.namelist()}
    with zipfile.ZipFile(path, "w", compression) as changed:
        for name, content in (kept | members).items():
            changed.writestr(name, content)
    return path


def npy(shape: str, dtype: str, content: bytes, version: bytes = b"\x01\x00") -> bytes:
    """An array as text and bytes make it."""
    header = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + content


HEADER = '{"kind": "model", "version": 1'


def json_array(text: str) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array(text))
    return stream.getvalue()


MEMBERS: dict[str, dict[str, bytes]] = {
    "more than there is": {"values.npy": npy("(1000000000000,)", "'<f8'", b"12345678")},
    "less than there is": {"values.npy": npy("(1,)", "'<f8'", b"12345678" * 2)},
    "many texts of no letters": {"names.npy": npy("(1000000000000,)", "'<U0'", b"")},
    "a shape below zero": {"values.npy": npy("(-1, -1)", "'<f8'", b"12345678")},
    "structures": {"values.npy": npy("(1,)", "[('a', '<f8')]", b"12345678")},
    "other bytes first": {"values.npy": npy("(1,)", "'>f8'", b"12345678")},
    "another version of .npy": {"values.npy": npy("(1,)", "'<f8'", b"12345678", b"\x02\x00")},
    "no .npy": {"values.npy": b"12345678"},
    "many brackets": {"values.npy": npy("(" * 5_000 + ")" * 5_000, "'<f8'", b"")},
    "many signs": {"values.npy": npy("(" + "-" * 9_000 + "1,)", "'<f8'", b"")},
    "deep JSON": {"header.npy": json_array(f'{HEADER}, "description": {"[" * 100_000}')},
    "JSON that is no object": {"header.npy": json_array("[1, 2]")},
    "no JSON": {"header.npy": json_array("hello")},
    "a name twice": {"values": b""},
}


@pytest.mark.parametrize("how", MEMBERS)
def test_an_archive_of_other_members_is_refused_without_the_memory_that_it_asks_for(tmp_path: Path, how: str) -> None:
    path, network = archive(tmp_path / "model.npz", MEMBERS[how]), model()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is no file of this package|is damaged|holds a") as caught:
            nn.load(network, path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 500 + len(str(path))
    assert network.state_dict() == model().state_dict()


def test_a_compressed_archive_is_refused_before_it_is_read(tmp_path: Path) -> None:
    members = {"values.npy": npy("(10000000,)", "'<f8'", bytes(80_000_000))}
    path = archive(tmp_path / "model.npz", members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="it is compressed, which files of this package are not"):
            nn.load(model(), path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_two_members_or_parameters_of_one_name_are_refused(tmp_path: Path) -> None:
    path = nn.save(model(), tmp_path / "model.npz")
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(path, "a") as twice:
        twice.writestr("values.npy", twice.read("values.npy"))
    with pytest.raises(ValueError, match="two of its arrays have one name"):
        nn.load(model(), path)
    names = [*model().state_dict(), "layers.0.neurons.0.b"]
    storage.write_arrays(path, "model", {}, {"names": np.array(names), "values": np.arange(float(len(names)))})
    with pytest.raises(ValueError, match="is damaged: two of its parameters have one name"):
        nn.load(model(), path)


def flipped(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    changed[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("within", [False, True], ids=["in the archive", "in an array, with its checksum"])
def test_a_flipped_bit_is_no_error_but_a_value_error(tmp_path: Path, within: bool) -> None:
    whole, path, chance = nn.save(model(), tmp_path / "whole.npz"), tmp_path / "model.npz", random.Random(0)
    with zipfile.ZipFile(whole) as members:
        arrays = {name: members.read(name) for name in members.namelist()}
    refused = 0
    for _ in range(150):
        if within:
            name = chance.choice(list(arrays))
            archive(path, {name: flipped(arrays[name], chance)})
        else:
            path.write_bytes(flipped(whole.read_bytes(), chance))
        network = nn.MLP(2, [3, 1], rng=1)
        before = network.state_dict()
        try:
            nn.load(network, path)
        except ValueError:
            refused += 1
            assert network.state_dict() == before
    assert refused > 50


def damaged(folder: Path, how: str) -> Path:
    path = nn.save(model(), folder / "model.npz")
    content = path.read_bytes()
    names = np.array(list(model().state_dict()))
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        position = content.rindex(b"NUMPY") + 140  # among the values
        path.write_bytes(content[:position] + bytes([content[position] ^ 255]) + content[position + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("layers.0.w = 1")
    elif how == "pickle":
        path.write_bytes(pickle.dumps(Trap()))
    elif how == "pickle inside":
        header = np.array('{"kind": "model", "version": 1}')
        with open(path, "wb") as file:
            np.savez(file, header=header, names=names, values=np.array([Trap()], dtype=object), allow_pickle=True)
    elif how == "plain array":
        np.save(path.with_suffix(".npy"), np.zeros(3))
        path = path.with_suffix(".npy")
    elif how == "no header":
        np.savez(path, values=np.zeros(3))
    elif how == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme", "hello")
    elif how == "other kind":
        storage.write_arrays(path, "checkpoint", {}, {})
    elif how == "other version":
        np.savez(path, header=np.array('{"kind": "model", "version": 99}'))
    elif how == "other shape":
        storage.write_arrays(path, "model", {}, {"names": names, "values": np.zeros(3)})
    elif how == "other type":
        storage.write_arrays(path, "model", {}, {"names": names, "values": names})
    elif how == "other description":
        arrays = {"names": names, "values": np.array(list(model().state_dict().values()))}
        storage.write_arrays(path, "model", {"description": [1]}, arrays)
    elif how == "other model":
        nn.save(nn.MLP(2, [4, 1]), path)
    return path


@pytest.mark.parametrize(
    "how",
    ["truncated", "flipped", "empty", "text", "pickle", "pickle inside", "plain array", "no header", "zip",
     "other kind", "other version", "other shape", "other type", "other description", "other model"],
)  # fmt: skip
def test_a_file_that_is_none_is_refused_with_a_sentence(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    path = damaged(tmp_path, how)
    network = model()
    with pytest.raises(ValueError, match="is no file of this package|is damaged|holds a") as caught:
        nn.load(network, path)
    assert str(path) in str(caught.value)
    assert network.state_dict() == model().state_dict()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty", "text", "pickle"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP", str(tmp_path / "sprung"))
    path = damaged(tmp_path, how)
    network = model()
    with pytest.raises(ValueError, match="is no file of this package|is damaged|holds a"):
        fit(network, path, 2, resume=True)
    assert network.state_dict() == model().state_dict()
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        nn.load(model(), tmp_path / "none.npz")
