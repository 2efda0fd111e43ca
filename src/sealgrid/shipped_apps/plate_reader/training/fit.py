"""Trains the networks on collages; the same seeds always give the same weights on the same kind of processor.

Training may stop after any step and go on later: what was drawn and the state of a network lie in a folder.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sealgrid.shipped_apps.plate_reader.latin import CHARACTERS
from sealgrid.shipped_apps.plate_reader.reader.flat_plate import HEIGHT, MARGINS, WIDTH, flat_plate, normalised
from sealgrid.shipped_apps.plate_reader.reader.geometry import Corners, homography, rectangle
from sealgrid.shipped_apps.plate_reader.training.collage import FontStyle, draw_close_up, draw_collage, projected
from sealgrid.shipped_apps.plate_reader.training.networks import CORNER_UNIT, STRIDE

SIZE = (256, 192)  #: pixels of a collage
MAX_PLATES = 2  #: of a collage
MAX_CHARACTERS = 8
COLUMN = 4  #: pixels of a flat plate for each column of the reader's output

Say = Callable[[str], None]
Drawn = TypeVar("Drawn")
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Course:
    """How a network is trained."""

    pictures: int  #: that are drawn
    epochs: int  #: how often each is seen
    batch: int
    rate: float  #: the highest

    @property
    def steps(self) -> int:
        """Return the number of batches."""
        return self.epochs * (self.pictures // self.batch)


FINDER = Course(pictures=2000, epochs=3, batch=16, rate=4e-3)
TEXT = Course(pictures=12_000, epochs=4, batch=64, rate=4e-3)


@dataclass(frozen=True)
class Session:
    """One stretch of training."""

    state: Path  #: file of the network's state, read first and written last
    end: float  #: on the monotonic clock, in seconds
    say: Say


@dataclass(frozen=True)
class Collages:
    """Drawn pictures and where their plates are."""

    pictures: NDArray[np.uint8]  #: (n, height, width, 3)
    corners: Floats  #: (n, MAX_PLATES, 4, 2); not a number where there is no plate


@dataclass(frozen=True)
class CloseUps:
    """Flat plates, what stands on them and where."""

    plates: Floats  #: (n, HEIGHT, WIDTH), normalised
    characters: NDArray[np.int64]  #: (n, MAX_CHARACTERS), 1 is the first character, 0 none
    centres: Floats  #: (n, MAX_CHARACTERS), in pixels from the left


def draw_collages(fonts: tuple[FontStyle, ...], first: int, count: int) -> Collages:
    """Draw the collages of seeds from ``first`` on."""
    pictures = np.empty((count, SIZE[1], SIZE[0], 3), np.uint8)
    corners = np.full((count, MAX_PLATES, 4, 2), np.nan, np.float32)
    for index in range(count):
        collage = draw_collage(first + index, fonts, SIZE)
        pictures[index] = np.asarray(collage.image)
        for number, plate in enumerate(collage.plates):
            corners[index, number] = plate.corners
    return Collages(pictures, corners)


def draw_close_ups(fonts: tuple[FontStyle, ...], first: int, count: int) -> CloseUps:
    """Draw plates, and flatten each between corners that are a little wrong."""
    plates = np.empty((count, HEIGHT, WIDTH), np.float32)
    characters = np.zeros((count, MAX_CHARACTERS), np.int64)
    centres = np.zeros((count, MAX_CHARACTERS), np.float32)
    for index in range(count):
        close_up = draw_close_up(first + index, fonts)
        (plate,) = close_up.plates
        corners = misplaced(plate.corners, np.random.default_rng(first + index))
        plates[index] = normalised(flat_plate(close_up.image, corners))
        length = len(plate.text)
        characters[index, :length] = [1 + CHARACTERS.index(character) for character in plate.text]
        centres[index, :length] = projected(plate.centres, homography(corners, rectangle(WIDTH, HEIGHT)))[:, 0]
    return CloseUps(plates, characters, centres)


def misplaced(corners: Corners, generator: np.random.Generator) -> Corners:
    """Return corners with margins, each moved a little and all of them together."""
    wide, tall = np.ptp(corners, axis=0)
    tall = min(tall, wide / 3)
    middle = corners.mean(axis=0)
    moved: Corners = middle + (corners - middle) * MARGINS
    moved = moved + generator.normal(0, (0.04 * tall, 0.04 * tall), (4, 2))
    return moved + generator.normal(0, (0.08 * tall, 0.05 * tall), (1, 2))


def finder_loss(network: nn.Module, collages: Collages, chosen: NDArray[np.int64]) -> Tensor:
    """Return a focal loss of the scores, and the distance of the corners near the middle of each plate."""
    pictures = torch.from_numpy(collages.pictures[chosen]).permute(0, 3, 1, 2).float() / 255
    pictures = pictures * (1 + 0.15 * torch.randn(len(chosen), 3, 1, 1)) + 0.05 * torch.randn(len(chosen), 1, 1, 1)
    logits, corners = network(pictures.contiguous(memory_format=torch.channels_last))
    heat, wanted, weight = torch.zeros_like(logits), torch.zeros_like(corners), torch.zeros_like(logits)
    y, x = torch.meshgrid(*(torch.arange(side) + 0.5 for side in logits.shape[2:]), indexing="ij")
    count = 0
    for number, quads in enumerate(collages.corners[chosen]):
        for quad in quads[~np.isnan(quads[:, 0, 0])]:
            count += 1
            middle, sides = quad.mean(axis=0) / STRIDE, np.ptp(quad, axis=0) / STRIDE
            spread = max(0.6, 0.12 * float(sides[0])), max(0.6, 0.2 * float(sides[1]))
            bell = torch.exp(-(((x - middle[0]) / spread[0]) ** 2 + ((y - middle[1]) / spread[1]) ** 2) / 2)
            bell[int(middle[1]), int(middle[0])] = 1.0
            heat[number, 0] = torch.maximum(heat[number, 0], bell)
            offsets = torch.from_numpy(quad.reshape(8, 1, 1)) - torch.stack([x, y] * 4) * STRIDE
            near = bell > 0.3
            wanted[number] = torch.where(near, offsets / CORNER_UNIT, wanted[number])
            weight[number, 0] = torch.where(near, bell * 4 / float(sides[0]), weight[number, 0])
    chance = torch.sigmoid(logits)
    hit = (1 - chance) ** 2 * nn.functional.logsigmoid(logits)
    miss = (1 - heat) ** 4 * chance**2 * nn.functional.logsigmoid(-logits)
    focal = -torch.where(heat > 0.99, hit, miss).sum()
    distance = (nn.functional.smooth_l1_loss(corners, wanted, reduction="none", beta=0.03) * weight).sum()
    return (focal + distance) / max(1, count)


def text_loss(network: nn.Module, close_ups: CloseUps, chosen: NDArray[np.int64]) -> Tensor:
    """Return the loss of the text (connectionist temporal classification) and of each column near a character."""
    plates = torch.from_numpy(close_ups.plates[chosen])[:, None]
    plates = plates * (1 + 0.1 * torch.randn(len(chosen), 1, 1, 1)) + 0.08 * torch.randn_like(plates)
    chances = network(plates.contiguous(memory_format=torch.channels_last)).log_softmax(2)
    characters, centres = torch.from_numpy(close_ups.characters[chosen]), torch.from_numpy(close_ups.centres[chosen])
    lengths = (characters > 0).sum(1)
    columns = chances.shape[1]
    text = nn.functional.ctc_loss(
        chances.transpose(0, 1), characters, torch.full((len(chosen),), columns), lengths, zero_infinity=True
    )
    # The column of each centre shows the character; columns in the middle between two centres show none.
    at = (centres / COLUMN).long().clamp(0, columns - 1)
    known = characters > 0
    shown = -chances.gather(1, at[:, :, None].expand(-1, -1, chances.shape[2])).gather(2, characters[:, :, None])
    between = ((centres[:, :-1] + centres[:, 1:]) / 2 / COLUMN).long().clamp(0, columns - 1)
    blank = -chances[:, :, 0].gather(1, between)
    both = known[:, 1:]
    return text + (shown[:, :, 0] * known).sum() / known.sum() + 0.3 * (blank * both).sum() / both.sum()


def fit(
    network: nn.Module,
    course: Course,
    drawn: Drawn,
    loss_of: Callable[[nn.Module, Drawn, NDArray[np.int64]], Tensor],
    session: Session,
) -> bool:
    """Train until the course or the session ends; return whether the course has ended."""
    state = session.state
    torch.set_num_threads(1)
    network.to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(network.parameters(), course.rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, course.rate, total_steps=course.steps, pct_start=0.15)
    step, mean = 0, 0.0
    if state.is_file():
        saved = torch.load(state, weights_only=True)
        step, mean = saved["step"], saved["mean"]
        for part, name in ((network, "network"), (optimiser, "optimiser"), (schedule, "schedule")):
            part.load_state_dict(saved[name])
    each = course.pictures // course.batch
    while step < course.steps and time.monotonic() < session.end:
        order = np.random.default_rng(step // each).permutation(course.pictures)
        at = step % each * course.batch
        torch.manual_seed(step)
        loss = loss_of(network, drawn, order[at : at + course.batch])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        step += 1
        mean = 0.98 * mean + 0.02 * loss.item() if step > 1 else loss.item()
        if step % 50 == 0:
            session.say(f"step {step} of {course.steps}: loss {mean:.4f}")
    torch.save(
        {
            "step": step,
            "mean": mean,
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "schedule": schedule.state_dict(),
        },
        state,
    )
    return step >= course.steps


def share_read(network: nn.Module, close_ups: CloseUps) -> float:
    """Return the share of flat plates that are read exactly, without the forms' help."""
    network.eval()
    with torch.no_grad():
        best = network(torch.from_numpy(close_ups.plates)[:, None]).argmax(2).numpy()
    right = 0
    for columns, characters in zip(best, close_ups.characters, strict=True):
        starts = (columns > 0) & np.append(True, columns[1:] != columns[:-1])
        right += list(columns[starts]) == list(characters[characters > 0])
    return right / len(best)
