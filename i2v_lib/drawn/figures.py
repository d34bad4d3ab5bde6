"""A whole figure: one person in one pose, as one hand draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from i2v_lib.drawn.artists import Artist
from i2v_lib.drawn.bodies import Build, Pose, arm_joints, draw_hand, draw_leg, leg_joints, make_build
from i2v_lib.drawn.canvas import Canvas, Color, Frame, shaded
from i2v_lib.drawn.clothes import OUTFITS, draw_bottom, draw_sleeve, draw_torso, part_color
from i2v_lib.drawn.hair import draw_back_hair, draw_front_hair, fringe_shadow
from i2v_lib.drawn.heads import FRONT, PROFILE, Expression, draw_face
from i2v_lib.drawn.headwear import HATS, draw_facewear, draw_headwear, draw_headwear_behind
from i2v_lib.drawn.items import ITEMS
from i2v_lib.drawn.wear import draw_backwear, draw_neckwear
from i2v_lib.drawn.world import CLOTH, SKIN

SHOES: tuple[Color, ...] = ((92, 62, 48), (58, 56, 68), (160, 52, 54), (236, 236, 240))


@dataclass(frozen=True)
class Look:
    """How one person appears in one picture: who they are, and what is of this moment."""

    character: str | None
    title: str | None
    boy: bool
    hair: str
    hair_style: str
    fringe: str
    ahoge: bool
    eyes: tuple[str, str]
    skin: int
    outfit: str
    colors: tuple[str, str]
    headwear: str | None
    headwear_color: str
    facewear: str | None
    neckwear: str | None
    backwear: str | None
    legwear: str
    legwear_color: str
    item: str | None
    item_color: str
    emblem: str | None
    expression: Expression = Expression()
    pose: Pose = Pose()
    view: int = FRONT
    flip: bool = False
    sway: float = 0.0
    shoes: int = 0

    @property
    def hidden_eye(self) -> bool:
        """Whether a lock of hair hides the eye farther from the viewer."""
        return self.fringe == "over one eye" and self.view != PROFILE


def figure_build(artist: Artist, look: Look) -> Build:
    """Measures of a person as this hand proportions them."""
    return make_build(artist.heads, artist.limb, look.boy, look.view)


def draw_figure(canvas: Canvas, x: float, y: float, unit: float, artist: Artist, look: Look) -> None:
    """Draw one person.

    Parameters
    ----------
    x, y : base of the neck on the canvas
    unit : head radius in canvas pixels
    """
    build = figure_build(artist, look)
    body = Frame(x, y, unit, look.pose.lean, look.flip)
    head = body.child(0.0, -0.98, 1.0, look.pose.tilt)
    reach = min(5.2, 1.0 + build.height * 0.86)
    skin = SKIN[look.skin]
    if look.backwear:
        draw_backwear(canvas, body, build, look, look.view)
    draw_back_hair(canvas, head, artist, look, look.view, reach, look.sway)
    arms = [(side, pose) for side, pose in zip((1, -1), look.pose.arms, strict=True)]
    for side, pose in arms:
        if pose == "behind":
            _arm(canvas, body, build, look, side, pose, held=False)
    _legs(canvas, body, build, look, skin)
    draw_bottom(
        canvas, body, build, look, abs(look.sway) * 0.5 + (0.12 if look.pose.legs in ("running", "jumping") else 0.0)
    )
    canvas.part(body.map([(-0.27, -0.4), (0.27, -0.4), (0.31, 0.12), (-0.31, 0.12)]), skin, 0.8)
    canvas.polygon(body.map([(-0.24, -0.2), (0.24, -0.2), (0.05, 0.08), (-0.20, 0.0)]), shaded(skin))
    draw_torso(canvas, body, build, look, look.emblem)
    draw_neckwear(canvas, body, build, look)
    low = [(side, pose) for side, pose in arms if pose in ("down", "hip", "out", "low hold")]
    for side, pose in low:
        _arm(canvas, body, build, look, side, pose, held=look.item is not None and side == 1)
    draw_headwear_behind(canvas, head, look, look.view)
    draw_face(canvas, head, artist, look, look.view)
    fringe_shadow(canvas, head, artist, look, look.view)
    draw_front_hair(canvas, head, artist, look, look.view, reach, look.sway)
    if look.facewear:
        draw_facewear(canvas, head, look, look.view)
    if look.headwear:
        draw_headwear(canvas, head, look, look.view)
        if look.headwear in HATS:
            canvas.mark("hat", head.map([(-0.4, -1.0), (0.4, -1.0), (0, -1.1)]))
            canvas.mark(f"{look.headwear_color} headwear", head.map([(-0.4, -1.0), (0.4, -1.0), (0, -1.1)]))
    for side, pose in arms:
        if (side, pose) not in low and pose != "behind":
            _arm(canvas, body, build, look, side, pose, held=look.item is not None and side == 1)
    _mark_person(canvas, body, head, build, look)


def _arm(canvas: Canvas, body: Frame, build: Build, look: Look, side: int, pose: str, held: bool) -> None:
    joints = arm_joints(build, pose, side)
    skin = SKIN[look.skin]
    draw_sleeve(canvas, body, build, look, joints)
    if held:
        item = ITEMS[look.item]
        wrist, direction = joints[2], joints[2] - joints[1]
        direction = direction / (np.hypot(*direction) + 1e-9)
        grip = wrist + direction * build.arm_radius * 0.7
        tilt = {"hold": 0.12, "up": 0.5, "low hold": 0.7, "chest": -0.2, "out": 0.5}.get(pose, 0.35) * side
        canvas_item = body.child(*grip, 0.62 + 0.30 * build.grown, tilt)
        item.draw(canvas, canvas_item, CLOTH[look.item_color])
    draw_hand(canvas, body, joints, build.arm_radius, skin, held)


def _legs(canvas: Canvas, body: Frame, build: Build, look: Look, skin: Color) -> None:
    outfit = OUTFITS[look.outfit]
    wear, color = look.legwear, CLOTH[look.legwear_color]
    if outfit.bottom in ("pants", "shorts"):
        wear, color = outfit.bottom, part_color(look, outfit.bottom_color)
    elif look.boy and outfit.bottom == "skirt":
        wear, color = "pants", part_color(look, outfit.bottom_color)
    elif look.outfit == "swimsuit":
        wear = "bare"
    order = (1, -1) if look.view == FRONT else (-1, 1)
    for side in order:
        joints = leg_joints(build, look.pose.legs, side)
        draw_leg(canvas, body, build, joints, skin, wear, color, SHOES[look.shoes])
    if outfit.bottom == "long skirt":
        return
    joints = [leg_joints(build, look.pose.legs, side) for side in (1, -1)]
    shins = body.map([0.4 * j[1] + 0.6 * j[2] for j in joints] + [0.75 * j[1] + 0.25 * j[2] for j in joints])
    if wear in ("thighhighs", "socks", "pantyhose", "pants"):
        canvas.mark(wear, shins)
        if wear != "socks":
            canvas.mark(f"{_color_name(color)} {wear}", shins)


def _color_name(color: Color) -> str:
    return next(name for name, value in CLOTH.items() if value == color)


def _mark_person(canvas: Canvas, body: Frame, head: Frame, build: Build, look: Look) -> None:
    """Who it is, and how much of them shows."""
    face = head.map([(0, 0.2), (-0.4, 0.2), (0.4, 0.2), (0, 0.7), (0, -0.6), (0.6, -0.4), (-0.6, -0.4)])
    canvas.mark("_person", face)
    canvas.mark("_boy" if look.boy else "_girl", face)
    if look.character:
        canvas.mark("_character", face)
    canvas.mark("_feet", body.map([leg_joints(build, look.pose.legs, side)[2] for side in (1, -1)]))
    canvas.mark("_chest", body.map([(0, build.torso * 0.45), (0.3, build.torso * 0.45)]))
    canvas.mark("_knees", body.map([leg_joints(build, look.pose.legs, side)[1] for side in (1, -1)]))
    hands = [arm_joints(build, pose, side)[2] for side, pose in zip((1, -1), look.pose.arms, strict=True)]
    poses = look.pose.arms
    if poses == ("up", "up"):
        canvas.mark("arms up", body.map(hands))
    if "wave" in poses:
        canvas.mark("waving", body.map([hands[poses.index("wave")], hands[poses.index("wave")] + (0, 0.5)]))
    if "hip" in poses:
        canvas.mark("hand on hip", body.map([hands[poses.index("hip")], hands[poses.index("hip")] + (0, -0.5)]))
    if poses == ("out", "out"):
        canvas.mark("outstretched arms", body.map(hands))
    if look.pose.legs in ("walking", "running", "jumping"):
        canvas.mark(look.pose.legs, body.map([leg_joints(build, look.pose.legs, side)[1] for side in (1, -1)]))
    if look.view == PROFILE:
        canvas.mark("from side", face)
