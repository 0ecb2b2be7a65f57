"""The loop itself: compiled steps whose results are overwritten, no waiting, and memory that runs out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from attrgen.core.errors import UserError
from attrgen.schema.attribute_set import AttributeSet, ClassAttributes
from attrgen.schema.card import Card, CardClass
from vr.clip.backbone import Backbone, load
from vr.data.loading.training_images import TrainingImages
from vr.methods import built_in_methods
from vr.methods.common.base import Context, Method
from vr.runtime.compilation import compiled
from vr.training import epoch, trainer
from vr.training.checkpoint import Checkpoint
from vr.training.trainer import Trainer

NAMES = ("bright spot", "dark ring", "plain ground")


@pytest.fixture
def context(tiny: Backbone) -> Context:
    return context_of(tiny)


def context_of(backbone: Backbone) -> Context:
    classes = tuple(CardClass(name=name, folder=name) for name in NAMES)
    card = Card(name="toy", title="Toy", modality="CT", shows="a toy", classes=classes)
    texts = {
        name: ClassAttributes(
            descriptive=[f"a {name}, drawn in manner {i}" for i in range(4)],
            distinctive=[f"unlike others, {name} {i}" for i in range(4)],
            confusion={other: [f"{other} like a {name}"] for other in NAMES if other != name},
        )
        for name in NAMES
    }
    return Context(backbone, card, AttributeSet(dataset="toy", classes=texts), seed=3)


Make = Callable[..., Trainer]


@pytest.fixture
def make(context: Context) -> Make:
    """A trainer of a method on ten images, in batches of four, four and two."""

    def trainer_of(name: str, options: dict[str, Any] | None = None, **recipe: Any) -> Trainer:
        kind = built_in_methods()[name]
        torch.manual_seed(0)
        method = kind(context, kind.options_type.model_validate(options or {}))
        values = {"epochs": 3, "batch_size": 4, **recipe}
        return Trainer(method, pictures(method), kind.recipe.model_copy(update=values), seed=1)

    return trainer_of


def pictures(method: Method, count: int = 10) -> TrainingImages:
    generator = torch.Generator().manual_seed(0)
    shape = (count, 3, method.image_size, method.image_size)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
    labels = [place % 3 for place in range(count)]
    return TrainingImages(list(pixels), labels, method.image_size, method.context.backbone.device)


def numbers(history: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "images_per_second"} for row in history]


class Graphs:
    """A backend as CUDA graphs are: what a graph gives lies where its next replay puts its own."""

    def __init__(self) -> None:
        self.replays = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        from functorch.compile import make_boxed_func
        from torch._dynamo.backends.common import aot_autograd

        def recorded(module: Any, _: Any) -> Any:
            return make_boxed_func(self.record(module))

        return aot_autograd(fw_compiler=recorded, bw_compiler=recorded)(graph, inputs)

    def record(self, module: Any) -> Callable[..., list[Any]]:
        places: list[Any] = []

        def replay(*values: Any) -> list[Any]:
            self.replays += 1
            with torch.no_grad():
                results = module(*values)
                if not places:
                    places.extend(r.clone() if isinstance(r, Tensor) else r for r in results)
                for place, result in zip(places, results, strict=True):
                    if isinstance(place, Tensor):
                        place.copy_(result)
            return list(places)

        return replay


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Graphs:
    """Every training is compiled with that backend."""
    backend = Graphs()
    monkeypatch.setattr(trainer, "worth_compiling", lambda device, steps: True)
    monkeypatch.setattr(epoch, "compiled", partial(compiled, backend=backend))
    return backend


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("biomedvr", {"gate": "per-image", "fusion": "learned"}),
        ("vp", {}),
        ("cocoop", {}),
        ("biomedcoop", {}),
    ],
)
def test_compiled_steps_train_alike(
    name: str, options: dict[str, Any], make: Make, graphs: Graphs, monkeypatch: pytest.MonkeyPatch
) -> None:
    resets: list[None] = []
    original = torch.compiler.reset
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(None) or original())
    fast = make(name, options)
    actual = fast.train()
    # Three epochs of two batches of four, forward and backward; the last two images go as they are.
    assert graphs.replays == 12 and len(resets) == 1
    monkeypatch.setattr(trainer, "worth_compiling", lambda device, steps: False)
    plain = make(name, options)
    expected = plain.train()
    assert graphs.replays == 12
    for row, reference in zip(numbers(actual), numbers(expected), strict=True):
        assert row == pytest.approx(reference, rel=1e-5, abs=1e-6)
    assert actual[0]["loss"] != pytest.approx(actual[-1]["loss"], rel=1e-5)
    for key, tensor in plain.method.state().items():
        torch.testing.assert_close(fast.method.state()[key], tensor, rtol=1e-4, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("name", ["biomedvr", "vp", "cocoop", "tip-adapter-f"])
def test_a_gpus_own_graphs_train_alike(
    name: str, tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    context = context_of(load(str(tiny_folder), "random", device="cuda", seed=1))
    histories = []
    for compiles in (False, True):
        monkeypatch.setattr(trainer, "worth_compiling", lambda device, steps, compiles=compiles: compiles)
        kind = built_in_methods()[name]
        method = kind(context, kind.options_type())
        changes = {"epochs": 5, "batch_size": 4, "lr": kind.recipe.lr / 10}
        recipe = kind.recipe.model_copy(update=changes)
        histories.append(numbers(Trainer(method, pictures(method), recipe, seed=1).train()))
    assert "without compilation" not in caplog.text
    for row, reference in zip(*histories, strict=True):
        assert row == pytest.approx(reference, rel=1e-3, abs=1e-4)


def test_only_the_steps_that_are_left_count(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(trainer, "worth_compiling", lambda *given: asked.append(given))
    kept: list[Checkpoint] = []
    first = make("vp")
    first.on_checkpoint, first.checkpoint_every = kept.append, 0
    whole = first.train()
    resumed = make("vp").train(kept[1])
    assert asked == [(torch.device("cpu"), 9), (torch.device("cpu"), 3)]
    assert numbers(resumed) == numbers(whole)


def test_what_cannot_be_compiled_is_trained_all_the_same(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise RuntimeError("no compiler here")

    plain = make("vp").train()
    monkeypatch.setattr(trainer, "worth_compiling", lambda device, steps: True)
    monkeypatch.setattr(epoch, "compiled", partial(compiled, backend=backend))
    assert numbers(make("vp").train()) == numbers(plain)
    assert caplog.text.count("runs without compilation") == 1


class Waits(TorchDispatchMode):
    """Counts how often the program asks for a number, for which it would wait for a GPU."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += function is torch.ops.aten._local_scalar_dense.default
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "augment"), [("biomedvr", True), ("biomedvr", False), ("coop", False), ("biomedcoop", False)]
)
def test_an_epoch_waits_no_oftener_however_many_steps_it_has(name: str, augment: bool, make: Make) -> None:
    counts = []
    for batch_size in (10, 2):
        asked = make(name, batch_size=batch_size, augment=augment, epochs=1)
        with Waits() as waits:
            asked.train()
        counts.append(waits.count)
    assert counts[0] == counts[1]


def test_an_epochs_order_goes_to_the_device_at_once(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    monkeypatch.setattr(epoch, "moved", lambda rows, device: sent.append(len(rows)) or rows)
    make("coop").train()
    assert sent == [10, 10, 10]


def full_above(limit: int, function: Callable[..., Any], seen: list[int]) -> Callable[..., Any]:
    def limited(rows: Tensor, *others: Tensor) -> Any:
        seen.append(len(rows))
        if len(rows) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return function(rows, *others)

    return limited


def test_images_are_prepared_and_validated_in_batches_of_their_own(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = make("cocoop", batch_size=1)
    asked.val, asked.select = pictures(asked.method, 100), "val"
    prepared: list[int] = []
    scored: list[int] = []
    monkeypatch.setattr(asked.method, "prepare", full_above(1000, asked.method.prepare, prepared))
    monkeypatch.setattr(asked.method, "scores", full_above(1000, asked.method.scores, scored))
    asked.train()
    assert prepared == [10, 64, 36]
    assert [count for count in scored if count != 1] == [64, 36] * 3


def test_what_does_not_fit_is_prepared_and_validated_by_halves(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, small = make("coop"), make("coop")
    for asked in (plain, small):
        asked.val, asked.select = pictures(asked.method, 30), "val"
    for name in ("prepare", "scores"):
        monkeypatch.setattr(small.method, name, full_above(8, getattr(small.method, name), []))
    for row, reference in zip(numbers(small.train()), numbers(plain.train()), strict=True):
        assert row == pytest.approx(reference, rel=1e-5, abs=1e-6)


def test_a_step_that_does_not_fit_says_what_to_do(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = make("vp")
    monkeypatch.setattr(asked.method, "step", full_above(3, asked.method.step, []))
    with pytest.raises(UserError) as caught:
        asked.train()
    assert caught.value.code == "training-out-of-memory"


@pytest.mark.parametrize(("name", "programs"), [("vp", 1), ("attrvr", 1), ("biomedvr", 2)])
def test_a_normalised_gradient_has_the_length_one_per_program(make: Make, name: str, programs: int) -> None:
    normalised = make(name, {"normalise_gradient": True}, epochs=1, lr=0.5, momentum=0.0, batch_size=10)
    plain = make(name, {}, epochs=1, lr=0.5, momentum=0.0, batch_size=10)
    normalised.train()
    plain.train()
    steps = [t.method.delta.detach().reshape(programs, -1) for t in (normalised, plain)]
    assert steps[0].norm(dim=1).tolist() == pytest.approx([0.5] * programs, rel=1e-5)
    directions = [torch.nn.functional.normalize(step, dim=1) for step in steps]
    assert torch.allclose(*directions, atol=1e-5)


def test_trivial_augment_changes_training(make: Make) -> None:
    plain, changed = make("ar", epochs=1), make("ar", epochs=1, trivial_augment=True)
    plain.train()
    changed.train()
    assert not torch.equal(plain.method.delta, changed.method.delta)


def test_a_resumed_training_counts_texts_again(make: Make) -> None:
    whole, stopped = make("attrvr", {"pooling": "counted"}), make("attrvr", {"pooling": "counted"})
    whole.train()
    checkpoints: list[Checkpoint] = []
    stopped.checkpoint_every = 0
    stopped.on_checkpoint = checkpoints.append
    stopped.train()
    again = make("attrvr", {"pooling": "counted"})
    again.train(checkpoints[0])
    states = whole.method.state(), again.method.state()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert "pooling.descriptive" in states[0]


@pytest.mark.parametrize(
    ("name", "select", "prepared"),
    [
        ("zero-shot", "last", []),  # reads neither training nor validation images
        ("linear-probe", "last", [10, 6]),
        ("biomedvr", "last", [10]),  # the visual expert is fitted to training images
        ("biomedvr", "val", [6, 10]),
        ("attrvr", "last", []),
        ("clap", "last", [10, 6]),
    ],
)
def test_only_images_that_are_read_are_prepared(
    make: Make, name: str, select: str, prepared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    prepare_all = Trainer._prepare_all

    def counted(self: Trainer, images: TrainingImages) -> Tensor:
        sizes.append(len(images))
        return prepare_all(self, images)

    monkeypatch.setattr(Trainer, "_prepare_all", counted)
    declared = built_in_methods()[name].recipe
    training = make(name, epochs=min(1, declared.epochs))
    training.val, training.select = pictures(training.method, 6), select  # type: ignore[assignment]
    training.train()
    assert sizes == prepared
