"""The two real sets that scikit-learn ships: handwritten digits, and crops of photographs."""

import torch

from .imageset import ImageSet
from .request import Request

DIGITS_TRAIN_COUNT = 1437  # the first 80 % of 1,797
_TEST_COLUMNS = (240, 400)  # of the photographs, which are 640 pixels wide
_FLATTEST = 8.0  # standard deviation of the brightness over a crop, in grey levels


def load_digits(request: Request) -> ImageSet:
    """Load the handwritten digits, 8×8 pixels and 17 grey levels of their own.

    The last fifth is the test part. The set is ordered by writer, so most test digits are by other
    hands.
    """
    from sklearn import datasets

    stored = datasets.load_digits()
    part = slice(DIGITS_TRAIN_COUNT, None) if request.is_test else slice(DIGITS_TRAIN_COUNT)
    images = torch.from_numpy(stored.images[part] * (255 / 16)).round().to(torch.uint8)
    labels = torch.from_numpy(stored.target[part]).long()
    chosen = request.choose(len(images))
    names = tuple(map(str, stored.target_names.tolist()))
    return request.deliver(images[chosen, None], labels[chosen], names)


def load_patches(request: Request) -> ImageSet:
    """Cut crops of ``size`` × ``size`` pixels out of two photographs, none twice.

    Test crops lie in columns 240 to 399 of each photograph and training crops to the left and
    right of them, so no pixel is in both. A crop without structure, such as bare sky, is passed
    over.
    """
    from sklearn import datasets

    stored = datasets.load_sample_images()
    names = tuple(name.replace("\\", "/").rpartition("/")[2].removesuffix(".jpg")
                  for name in stored.filenames)  # fmt: skip
    height, width, _ = stored.images[0].shape
    size = request.size
    low, high = _TEST_COLUMNS
    strips = [(low, high)] if request.is_test else [(0, low), (high, width)]
    if size > high - low:
        raise ValueError(
            f"size must be at most {high - low} pixels for patches, not {size}: the photographs "
            "have no larger part to keep for testing"
        )
    lefts = torch.cat([torch.arange(start, stop - size + 1) for start, stop in strips])
    tops = torch.arange(height - size + 1)
    places = torch.cartesian_prod(torch.arange(len(names)), tops, lefts)
    order = torch.randperm(len(places), generator=request.generator())
    photographs = torch.stack([torch.tensor(image) for image in stored.images])
    photographs = photographs.permute(0, 3, 1, 2).contiguous()

    count = request.count
    crops, labels = [], []
    for photograph, top, left in places[order].tolist():
        crop = photographs[photograph, :, top : top + size, left : left + size]
        if crop.float().mean(0).std() < _FLATTEST:
            continue
        crops.append(crop)
        labels.append(photograph)
        if len(crops) == count:
            break
    return request.deliver(torch.stack(crops), torch.tensor(labels), names)
