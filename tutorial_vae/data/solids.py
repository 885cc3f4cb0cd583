"""Seven solids, turned at random and softly lit, drawn by casting rays.

Every ray runs straight along the line of sight (there is no perspective), so a convex solid is hit
along one interval of depths, and the nearest depth is what is seen. All solids fit into a sphere of
radius 1.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from .imageset import ImageSet
from .request import Request

SOLIDS = ("tetrahedron", "cube", "octahedron", "icosahedron", "cone", "cylinder", "sphere")

_GOLDEN = (1 + math.sqrt(5)) / 2
_CORNERS: list[tuple[float, float, float]] = [
    (x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)
]
_CYCLES = [
    ((0, a, b), (a, b, 0), (b, 0, a))
    for a in (-1 / _GOLDEN, 1 / _GOLDEN)
    for b in (-_GOLDEN, _GOLDEN)
]
# Directions in which the faces look, and the distance of each face from the centre.
_POLYHEDRA: dict[str, tuple[Sequence[tuple[float, float, float]], float]] = {
    "tetrahedron": ([(-1, -1, -1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)], 1 / 3),
    "cube": ([(-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)], 3**-0.5),
    "octahedron": (_CORNERS, 3**-0.5),
    "icosahedron": (_CORNERS + [face for cycle in _CYCLES for face in cycle], 0.7946544723),
}
# Weights of x², y², z² and the constant that their sum stays below, height that z is counted from,
# and the heights between which the solid lies.
_ROUND: dict[str, tuple[tuple[float, float, float], float, float, float, float]] = {
    "cone": ((1, 1, -1 / 3), 0, 1, -0.5, 1),
    "cylinder": ((1, 1, 0), 0.36, 0, -0.8, 0.8),
    "sphere": ((1, 1, 1), 0.7225, 0, -1, 1),
}
_PARALLEL = 1e-6
_OVERSAMPLING = 2
_RAYS_AT_ONCE = 2**20
_DARKEST = 0.15

_SCALE = (0.7, 0.95)  # of half the picture's side
_SCALE_SLICES = 500
_LIGHT_SPREAD = 1.0  # radians between the line of sight and the light, at most


def load(request: Request) -> ImageSet:
    """Draw random solids of the part that is asked for.

    The range of scales is cut into thin slices, and every fifth slice is for testing alone.
    """
    generator = request.generator()
    count = request.count
    labels = torch.randint(len(SOLIDS), (count,), generator=generator)
    rotations = random_rotations(count, generator)
    light = _random_lights(count, generator)
    slices = torch.randint(_SCALE_SLICES, (count,), generator=generator) * 5
    if request.is_test:
        slices += 4
    else:
        slices += torch.randint(4, (count,), generator=generator)
    share = (slices + torch.rand(count, generator=generator)) / (5 * _SCALE_SLICES)
    scale = _SCALE[0] + (_SCALE[1] - _SCALE[0]) * share
    images = render(labels, rotations, light, scale, size=request.size)
    return request.deliver(images, labels, SOLIDS)


def random_rotations(count: int, generator: torch.Generator) -> Float[Tensor, "{count} 3 3"]:
    """Return rotation matrices that are uniform over all rotations.

    Reference: Shoemake 1992, by way of uniform unit quaternions.
    """
    quaternions = F.normalize(torch.randn(count, 4, generator=generator), dim=1)
    w, x, y, z = quaternions.T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)),
        (2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)),
        (2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def render(
    labels: Int64[Tensor, " count"],
    rotations: Float[Tensor, "count 3 3"],
    light: Float[Tensor, "count 3"],
    scale: Float[Tensor, " count"],
    *,
    size: int,
    device: str | torch.device = "cpu",
) -> UInt8[Tensor, "count 1 {size} {size}"]:
    """Draw solids, grey on black.

    Args:
        labels: which of :data:`SOLIDS` each picture shows.
        rotations: how it is turned, as a matrix from its own axes to those of the picture: x to the
            right, y up, z towards the viewer.
        light: direction towards the light, of length 1, in the axes of the picture.
        scale: radius of the sphere around the solid, in half sides of the picture.
        size: side of the pictures, in pixels.
        device: where to compute; the pictures stay there.
    """
    fine = size * _OVERSAMPLING
    steps = (torch.arange(fine, device=device) + 0.5) * (2 / fine) - 1
    across = torch.stack((steps.repeat(fine), -steps.repeat_interleave(fine)))
    images = torch.zeros(len(labels), 1, size, size, dtype=torch.uint8, device=device)
    for label, solid in enumerate(SOLIDS):
        faces = len(_POLYHEDRA[solid][0]) if solid in _POLYHEDRA else 8
        for part in (
            (labels == label).nonzero()[:, 0].split(max(1, _RAYS_AT_ONCE // (fine**2 * faces)))
        ):
            turn, lamp = rotations[part].to(device), light[part].to(device)
            xy = across / scale[part].to(device).view(-1, 1, 1)
            cast = _cast_polyhedron if solid in _POLYHEDRA else _cast_round
            brightness = cast(solid, turn, lamp, xy).view(-1, 1, fine, fine)
            pixels = F.avg_pool2d(brightness, _OVERSAMPLING).mul_(255).round_()
            images[part.to(device)] = pixels.to(torch.uint8)
    return images


def _cast_polyhedron(
    solid: str,
    turn: Float[Tensor, "count 3 3"],
    light: Float[Tensor, "count 3"],
    xy: Float[Tensor, "count 2 rays"],
) -> Float[Tensor, "count rays"]:
    directions, distance = _POLYHEDRA[solid]
    normals = F.normalize(torch.tensor(directions, dtype=turn.dtype, device=turn.device), dim=1)
    normals = normals @ turn.mT
    slope = _not_zero(normals[:, :, 2:])
    depth = (distance - normals[:, :, :2] @ xy) / slope
    front = torch.where(slope > 0, depth, torch.inf)
    back = torch.where(slope < 0, depth, -torch.inf)
    nearest, face = front.min(dim=1)
    shade = _shade((normals @ light[:, :, None])[:, :, 0])
    return shade.gather(1, face) * (nearest > back.amax(dim=1))


def _cast_round(
    solid: str,
    turn: Float[Tensor, "count 3 3"],
    light: Float[Tensor, "count 3"],
    xy: Float[Tensor, "count 2 rays"],
) -> Float[Tensor, "count rays"]:
    weights, constant, height, low, high = _ROUND[solid]
    weight = torch.tensor(weights, dtype=turn.dtype, device=turn.device).view(1, 3, 1)
    # Each ray in the solid's own axes: a point of it, and the direction towards the viewer.
    start = turn[:, :2].mT @ xy
    along = turn[:, 2, :, None]
    lifted = start - start.new_tensor((0, 0, height)).view(1, 3, 1)
    a = _not_zero((weight * along**2).sum(1))
    b = (weight * along * lifted).sum(1)
    c = (weight * lifted**2).sum(1) - constant
    square = b**2 - a * c
    root = square.clamp(min=0).sqrt()
    first, last = (-b - root) / a, (-b + root) / a
    # A ray that is steeper than the cone meets both of its halves; only the lower one is solid.
    rising = along[:, 2] > 0
    steep = a < 0
    first, last = (
        torch.where(steep, torch.where(rising, -torch.inf, first), first),
        torch.where(steep, torch.where(rising, last, torch.inf), last),
    )
    rise = _not_zero(along[:, 2])
    ends = torch.stack(((low - start[:, 2]) / rise, (high - start[:, 2]) / rise))
    nearest = torch.minimum(last, ends.amax(0))
    hit = (nearest > torch.maximum(first, ends.amin(0))) & ((square >= 0) | steep)

    lamp = turn.mT @ light[:, :, None]
    normal = weight * (lifted + nearest[:, None] * along)
    side = (normal * lamp).sum(1) / (normal * normal).sum(1).sqrt()
    lid = torch.where(rising, lamp[:, 2], -lamp[:, 2])
    return torch.where(hit, _shade(torch.where(last <= ends.amax(0), side, lid)), 0)


def _shade(cosine: Tensor) -> Tensor:
    """Return the brightness of a surface from the cosine of its angle to the light.

    Squared half-Lambert shading: no face that can be seen is as black as the background.
    """
    return _DARKEST + (1 - _DARKEST) * ((1 + cosine.clamp(-1, 1)) / 2) ** 2


def _random_lights(count: int, generator: torch.Generator) -> Float[Tensor, "{count} 3"]:
    azimuth = 2 * math.pi * torch.rand(count, generator=generator)
    polar = _LIGHT_SPREAD * torch.rand(count, generator=generator).sqrt()
    return torch.stack((polar.sin() * azimuth.cos(), polar.sin() * azimuth.sin(), polar.cos()), 1)


def _not_zero(values: Tensor) -> Tensor:
    """Move values that are next to zero away from it, so that they can divide."""
    sign = torch.where(values < 0, -1.0, 1.0)
    return torch.where(values.abs() < _PARALLEL, sign * _PARALLEL, values)
