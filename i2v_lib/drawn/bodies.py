"""Bodies: proportions from super-deformed to realistic, poses, limbs and hands.

Coordinates: head radii around the base of the neck, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import cos, radians, sin

import numpy as np

from i2v_lib.drawn.canvas import Canvas, Color, Frame
from i2v_lib.drawn.heads import FRONT, PROFILE, THREE_QUARTER
from i2v_lib.drawn.shapes import smooth, tube


@dataclass(frozen=True)
class Build:
    """Measures of a body, in head radii."""

    torso: float  # neck to hip
    legs: float  # hip to sole
    arm: float  # shoulder to wrist
    shoulder: float  # half widths from here on
    waist: float
    hip: float
    arm_radius: float
    leg_radius: float
    grown: float  # 0 super-deformed, 1 realistic

    @property
    def height(self) -> float:
        """Neck to sole."""
        return self.torso + self.legs


@lru_cache(maxsize=1024)
def make_build(heads: float, limb: float, boy: bool, view: int) -> Build:
    """Measures of a figure a number of heads tall."""
    t = min(1.0, max(0.0, (heads - 2.3) / 3.9))
    body = 2 * heads - 2
    torso = body * (0.46 - 0.05 * t)
    narrow = {FRONT: 1.0, THREE_QUARTER: 0.92, PROFILE: 0.74}[view]

    def between(low: float, high: float) -> float:
        return low + (high - low) * t

    return Build(
        torso=torso,
        legs=body - torso,
        arm=body * between(0.50, 0.44),
        shoulder=between(0.66, 1.22) * (1.14 if boy else 1.0) * narrow,
        waist=between(0.56, 0.72) * (1.12 if boy else 1.0) * narrow,
        hip=between(0.64, 0.92) * (0.96 if boy else 1.0) * narrow,
        arm_radius=between(0.19, 0.235) * limb * (1.08 if boy else 1.0),
        leg_radius=between(0.26, 0.36) * limb,
        grown=t,
    )


# degrees: upper arm away from the body, forearm turned further (negative: back towards the body)
ARMS: dict[str, tuple[float, float]] = {
    "down": (14, 4), "hip": (52, -98), "up": (150, 18), "wave": (62, 92), "out": (84, 8), "chest": (24, -118),
        "hold": (34, 62),
    "low hold": (24, 34), "behind": (26, -38), "cheek": (44, -168),
}  # fmt: skip
# degrees: thigh away from the body, shin turned back
LEGS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "standing": ((3, 0), (3, 0)), "apart": ((11, -3), (11, -3)), "contrapposto": ((2, 0), (16, -18)),
        "walking": ((20, -8), (-8, 26)),
    "running": ((52, -62), (-8, 70)), "jumping": ((34, -84), (20, -70)),
}  # fmt: skip


@dataclass(frozen=True)
class Pose:
    """What arms and legs do; the right side of the picture first."""

    arms: tuple[str, str] = ("down", "down")
    legs: str = "standing"
    lean: float = 0.0  # radians, of the whole figure
    tilt: float = 0.0  # radians, of the head


@lru_cache(maxsize=4096)
def arm_joints(build: Build, pose: str, side: int) -> np.ndarray:
    """Shoulder, elbow and wrist, shape (3, 2). ``side`` is +1 for the right of the picture, -1 for the left."""
    upper, fore = (radians(a) for a in ARMS[pose])
    shoulder = np.array([side * build.shoulder * 0.86, 0.30 + 0.1 * build.grown])
    half = build.arm / 2
    elbow = shoulder + half * np.array([side * sin(upper), cos(upper)])
    return np.array([shoulder, elbow, elbow + half * np.array([side * sin(upper + fore), cos(upper + fore)])])


@lru_cache(maxsize=4096)
def leg_joints(build: Build, pose: str, side: int) -> np.ndarray:
    """Hip, knee and ankle: float array, shape (3, 2)."""
    thigh, shin = (radians(a) for a in LEGS[pose][0 if side > 0 else 1])
    hip = np.array([side * build.hip * 0.50, build.torso - 0.12])
    half = (build.legs - 0.1) / 2
    knee = hip + half * np.array([side * sin(thigh), cos(thigh)])
    return np.array([hip, knee, knee + half * np.array([side * sin(thigh + shin), cos(thigh + shin)])])


def draw_limb(
    canvas: Canvas, frame: Frame, joints: np.ndarray, radii, color: Color, start: float = 0.0, end: float = 1.0
) -> None:
    """A tapered, bent limb, or the part of it between two shares of its length (a sleeve, a sock).

    Parameters
    ----------
    joints : (3, 2) in the frame
    radii : three half widths
    """
    outline, middle = _limb(joints.tobytes(), tuple(radii), start, end)
    canvas.part(frame.map(outline), color, light=frame.map(middle) if end - start < 0.7 else None)


@lru_cache(maxsize=16384)
def _limb(joints: bytes, radii: tuple[float, ...], start: float, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Outline of a limb from one share of its length to another, and a point on its lit side."""
    soft = np.column_stack([np.frombuffer(joints).reshape(3, 2), radii])
    before, after = soft[1] + (soft[0] - soft[1]) * 0.08, soft[1] + (soft[2] - soft[1]) * 0.08
    table = np.stack([soft[0], before, after, soft[2]])
    shares = np.linspace(start, end, 5)
    points = np.column_stack([np.interp(shares, (0.0, 0.46, 0.54, 1.0), table[:, i]) for i in range(3)])
    return tube(points[:, :2], points[:, 2], 3), points[2, :2] - (0.06, 0.0)


def draw_hand(canvas: Canvas, frame: Frame, joints: np.ndarray, radius: float, color: Color, grip: bool) -> None:
    """A mitten with a thumb, or a fist around something."""
    canvas.part(frame.map(_hand(joints.tobytes(), radius * 1.05, grip)), color)


@lru_cache(maxsize=8192)
def _hand(joints: bytes, r: float, grip: bool) -> np.ndarray:
    """Outline of a hand at the end of an arm."""
    _, elbow, wrist = np.frombuffer(joints).reshape(3, 2)
    direction = (wrist - elbow) / (np.hypot(*(wrist - elbow)) + 1e-9)
    across = np.array([-direction[1], direction[0]])
    if grip:
        angles = np.linspace(0, 2 * np.pi, 9)[:-1]
        return smooth(
            np.array([wrist + direction * (r * 0.7) + r * (cos(a) * direction + sin(a) * across) for a in angles]), 2
        )
    along_across = [
        (0.0, -0.75),
        (0.0, 0.75),
        (1.0, 1.0),
        (2.1, 0.55),
        (2.3, 0.0),
        (1.9, -0.5),
        (1.3, -1.25),
        (0.6, -0.95),
    ]
    return smooth(np.array([wrist + r * (a * direction + b * across) for a, b in along_across]), 2)


def draw_leg(
    canvas: Canvas,
    frame: Frame,
    build: Build,
    joints: np.ndarray,
    skin: Color,
    wear: str,
    wear_color: Color,
    shoe: Color,
) -> None:
    """A leg with what it wears and a shoe.

    Parameters
    ----------
    wear : "thighhighs", "socks", "pantyhose", "pants", "shorts" or "bare"; shorts and pants begin at the hip
    """
    r = build.leg_radius
    radii = (r, r * 0.72, r * 0.50)
    long_wear = wear in ("pants", "pantyhose")
    draw_limb(canvas, frame, joints, radii, wear_color if long_wear else skin)
    if wear == "thighhighs":
        draw_limb(canvas, frame, joints, np.multiply(radii, 1.05), wear_color, 0.34, 1.0)
    elif wear == "socks":
        draw_limb(canvas, frame, joints, np.multiply(radii, 1.06), wear_color, 0.66, 1.0)
    elif wear == "shorts":
        draw_limb(canvas, frame, joints, np.multiply(radii, 1.25), wear_color, 0.0, 0.36)
    elif wear == "pants":
        draw_limb(canvas, frame, joints, np.multiply(radii, (1.15, 1.2, 1.35)), wear_color, 0.0, 0.97)
    x, y = joints[2]
    s = r * 0.95
    out = 1 if x > 0 else -1
    shoe_shape = smooth(
        [
            (x - 0.62 * s, y - 0.55 * s),
            (x + 0.62 * s, y - 0.55 * s),
            (x + (0.72 + 0.25 * out) * s, y + 0.35 * s),
            (x + (0.9 + 0.3 * out) * s, y + 0.62 * s),
            (x - (0.9 - 0.3 * out) * s, y + 0.62 * s),
            (x - (0.72 - 0.25 * out) * s, y + 0.2 * s),
        ],
        3,
    )
    canvas.part(frame.map(shoe_shape), shoe, light=frame.map([(x - 0.2 * s, y - 0.1 * s)])[0])
