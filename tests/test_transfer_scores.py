"""Transferability scores against closed forms, other libraries and input that must be refused."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge
from sklearn.metrics import mutual_info_score
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from tutorial_vae import ConstantLayerWarning, cka
from tutorial_vae.transfer import h_score, knn_accuracy, label_cka, leep, logme, nce

FEATURE_SCORES = (logme, h_score, knn_accuracy, label_cka)


def blobs(n, width, classes, *, seed=0, apart=2.0):
    """Noise whose first column tells the classes apart, and the classes."""
    labels = np.arange(n) % classes
    features = np.random.default_rng(seed).normal(size=(n, width))
    features[:, 0] += apart * labels
    return features, labels


# LEEP and NCE


def test_leep_of_a_worked_example():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]])
    assert leep(probabilities, np.array([0, 0, 1, 1])) == pytest.approx(-0.383981, abs=5e-7)


def test_nce_of_a_worked_example():
    assert nce(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])) == pytest.approx(-math.log(2) / 2)


def test_nce_is_mutual_information_less_entropy():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 5, 300)
    sources = (labels + generator.integers(0, 3, 300)) % 7
    expected = mutual_info_score(sources, labels) - mutual_info_score(labels, labels)
    assert nce(sources, labels) == pytest.approx(expected)


def test_leep_of_a_certain_classifier_is_nce():
    generator = np.random.default_rng(1)
    sources, labels = generator.integers(0, 4, 100), generator.integers(0, 3, 100)
    assert leep(np.eye(4)[sources], labels) == pytest.approx(nce(sources, labels), rel=1e-14)


def test_a_source_class_that_is_never_used_changes_nothing():
    generator = np.random.default_rng(2)
    probabilities = generator.dirichlet(np.ones(3), size=50)
    labels = generator.integers(0, 2, 50)
    padded = np.insert(probabilities, 1, 0.0, axis=1)
    assert leep(padded, labels) == pytest.approx(leep(probabilities, labels), rel=1e-14)


def test_a_source_that_knows_all_scores_0_and_one_that_knows_nothing_minus_the_entropy():
    labels = np.array([3, 3, 9, 9, 9, 9])
    entropy = mutual_info_score(labels, labels)
    assert nce(labels, labels) == leep(np.eye(10)[labels], labels) == 0
    assert nce(np.zeros(6, int), labels) == pytest.approx(-entropy)
    assert leep(np.full((6, 4), 0.25), labels) == pytest.approx(-entropy)


@pytest.mark.parametrize(
    ("probabilities", "complaint"),
    [
        ([[0.5, 0.4], [0.5, 0.5]], "row 0 sums to 0.9"),
        ([[1.5, -0.5], [0.5, 0.5]], "one is -0.5"),
        ([[0.5, 0.5], [math.nan, 0.5]], "row 1 holds nan in column 0"),
        ([[0.5, 0.5]], "there are 2 and 1"),
    ],
)
def test_leep_refuses_what_are_no_probabilities(probabilities, complaint):
    with pytest.raises(ValueError, match="source_probabilities") as error:
        leep(np.array(probabilities), np.array([0, 1]))
    assert complaint in str(error.value)


def test_nce_refuses_source_labels_that_do_not_fit():
    with pytest.raises(ValueError, match=r"labels and source_labels .* 2 and 3"):
        nce(np.array([0, 1, 2]), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"source_labels must hold whole numbers.*float64.*0\.5"):
        nce(np.array([0.5, 1.0]), np.array([0, 1]))
    with pytest.raises(ValueError, match="source_labels must hold at least 1 class, not 0"):
        nce(np.zeros(0, int), np.zeros(0, int))


# LogME


def log_density(features, target, log_alpha, log_beta):
    """The paper's evidence per image, from its definition as a density."""
    n = len(target)
    covariance = np.eye(n) / np.exp(log_beta) + features @ features.T / np.exp(log_alpha)
    return multivariate_normal.logpdf(target, cov=covariance) / n


def highest_density(features, target):
    def loss(logs):
        return -log_density(features, target, *logs)

    starts = [(a, b) for a in (-1.0, 3.0, 8.0) for b in (1.0, 3.0)]
    options = {"xatol": 1e-7, "fatol": 1e-13, "maxiter": 2000}
    return max(-minimize(loss, s, method="Nelder-Mead", options=options).fun for s in starts)


@pytest.mark.parametrize(("n", "width", "classes"), [(40, 3, 3), (20, 50, 2), (12, 12, 3)])
def test_logme_is_the_highest_density_of_the_labels(n, width, classes):
    features, labels = blobs(n, width, classes)
    targets = [(labels == c) * 1.0 for c in range(classes)]
    score = logme(features, labels)
    assert score == pytest.approx(np.mean([highest_density(features, y) for y in targets]))
    # No pair of precisions on a coarse grid does better either.
    grid = [
        max(log_density(features, y, a, b) for a in range(-4, 12) for b in range(-1, 6))
        for y in targets
    ]
    assert np.mean(grid) <= score + 1e-12


@pytest.mark.parametrize(("n", "width"), [(60, 4), (20, 50), (30, 10), (15, 15)])
def test_logme_agrees_with_scikit_learn(n, width):
    features, labels = blobs(n, width, 3, seed=1)
    flat = dict.fromkeys(("alpha_1", "alpha_2", "lambda_1", "lambda_2"), 0.0)
    evidence = []
    for c in range(3):
        ridge = BayesianRidge(
            max_iter=5000, tol=1e-13, compute_score=True, fit_intercept=False, **flat
        )
        evidence.append(ridge.fit(features, (labels == c) * 1.0).scores_[-1] / n)
    assert logme(features, labels) == pytest.approx(np.mean(evidence), rel=1e-8)


def test_logme_counts_every_feature_where_there_are_more_than_images():
    """Columns of zeros cannot change a density; D/2 log(alpha) per column would."""
    features, labels = blobs(20, 50, 2)
    padded = np.hstack([features, np.zeros((20, 100))])
    assert logme(padded, labels) == pytest.approx(logme(features, labels), rel=1e-12)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(150, 150)))[0]
    assert logme(padded @ rotation, labels) == pytest.approx(logme(features, labels), rel=1e-9)


def test_features_that_know_nothing_leave_the_density_of_noise():
    labels = np.array([0, 0, 1, 1])
    noise = -0.5 * math.log(2 * math.pi * math.e * 0.5)
    assert logme(np.zeros((4, 3)), labels) == pytest.approx(noise)
    orthogonal_to_both_classes = np.array([[1.0], [-1.0], [0.0], [0.0]])
    assert logme(orthogonal_to_both_classes, labels) == pytest.approx(noise)


def test_logme_is_unbounded_where_fewer_features_than_images_give_the_labels():
    labels = np.arange(30) % 3
    exact = np.eye(3)[labels]
    mixed = exact @ np.random.default_rng(0).normal(size=(3, 3))
    assert logme(exact, labels) == logme(mixed, labels) == math.inf
    # As many independent features as images give any labels, and prove nothing.
    assert math.isfinite(logme(np.eye(30), labels))


def test_logme_does_not_depend_on_the_scale_of_the_features():
    features, labels = blobs(30, 4, 3)
    for scale in (1e-200, 1e-3, 1e200):
        assert logme(scale * features, labels) == pytest.approx(logme(features, labels))


@pytest.mark.parametrize("kind", ["constant", "repeated", "nearly repeated", "one image's"])
def test_logme_ends_for_degenerate_features(kind):
    features, labels = blobs(24, 3, 3)
    degenerate = {
        "constant": np.full((24, 3), 0.1),
        "repeated": np.repeat(features, 20, axis=1),
        "nearly repeated": np.hstack([features, features * (1 + 1e-13)]),
        "one image's": np.eye(24)[:, :1],
    }[kind]
    expected = [highest_density(degenerate, (labels == c) * 1.0) for c in range(3)]
    assert logme(degenerate, labels) == pytest.approx(np.mean(expected), rel=1e-6)


# H-score


def test_h_score_of_one_hot_features_is_one_less_than_the_classes():
    labels = np.repeat([0, 1, 2, 3], [5, 10, 15, 40])
    assert h_score(np.eye(4)[labels], labels) == pytest.approx(3)


def test_h_score_is_the_trace_of_its_formula():
    features, labels = blobs(80, 5, 4)
    means = np.stack([features[labels == c].mean(axis=0) for c in range(4)])[labels]
    covariances = [np.cov(values, rowvar=False) for values in (features, means)]
    expected = np.trace(np.linalg.solve(*covariances))
    assert h_score(features, labels) == pytest.approx(expected)


def test_h_score_of_one_feature_is_the_share_of_variance_between_classes():
    features, labels = blobs(60, 1, 3)
    between = np.var([features[labels == c].mean() for c in range(3)])
    assert h_score(features, labels) == pytest.approx(between / features.var())


@pytest.mark.parametrize("kind", ["mixed", "repeated", "constant added", "float32"])
def test_affine_maps_leave_the_h_score_as_it_was(kind):
    features, labels = blobs(80, 5, 4)
    mixed = features @ np.random.default_rng(3).normal(size=(5, 5)) - 7
    other = {
        "mixed": mixed,
        "repeated": np.hstack([features, 3 * features]),
        "constant added": np.hstack([features, np.full((80, 2), 0.1)]),
        "float32": np.hstack([features, mixed / 3]).astype(np.float32),
    }[kind]
    assert h_score(other, labels) == pytest.approx(h_score(features, labels), rel=1e-5)


def test_h_score_of_constant_features_is_0():
    assert h_score(np.full((10, 3), 0.1), np.arange(10) % 2) == 0


def test_h_score_of_as_many_features_as_images_says_nothing():
    noise = np.random.default_rng(0).normal(size=(20, 30))
    assert h_score(noise, np.arange(20) % 4) == pytest.approx(3)


# Nearest neighbours and CKA with the labels


@pytest.mark.parametrize("neighbours", [1, 5])
def test_knn_accuracy_is_scikit_learns_with_one_left_out(neighbours):
    features, labels = blobs(60, 3, 3)
    classifier = KNeighborsClassifier(neighbours)
    expected = cross_val_score(classifier, features, labels, cv=LeaveOneOut()).mean()
    assert 0 < expected < 1
    assert knn_accuracy(features, labels, neighbours=neighbours) == pytest.approx(expected)


def test_no_image_is_its_own_neighbour():
    # Each image's twin is of the other class.
    features = np.repeat(np.arange(10.0), 2)[:, None] * 100
    assert knn_accuracy(features, np.arange(20) % 2, neighbours=1) == 0


@pytest.mark.parametrize("neighbours", [0, 10])
def test_knn_accuracy_refuses_a_number_of_neighbours_that_is_not_there(neighbours):
    with pytest.raises(ValueError, match=f"neighbours .* the 10 images, not {neighbours}"):
        knn_accuracy(*blobs(10, 2, 2), neighbours=neighbours)


def test_label_cka_is_cka_with_one_hot_labels():
    features, labels = blobs(40, 3, 4)
    assert label_cka(features, labels) == cka(features, np.eye(4)[labels])
    assert label_cka(np.eye(4)[labels], labels + 10) == pytest.approx(1)


def test_label_cka_of_constant_features_is_undefined():
    for kind in (np.float32, np.float64):
        with pytest.warns(ConstantLayerWarning):
            assert math.isnan(label_cka(np.full((8, 3), 0.1, dtype=kind), np.arange(8) % 2))


def test_label_cka_names_the_images_it_lacks():
    with pytest.raises(ValueError, match="features must hold at least 4 images, not 3"):
        label_cka(*blobs(3, 2, 2))


# What all have in common


@pytest.mark.parametrize("score", FEATURE_SCORES)
def test_tensors_and_any_whole_labels_do(score):
    features, labels = blobs(30, 4, 3)
    features = features.astype(np.float32)
    expected = score(features, labels)
    assert type(expected) is float
    tensor = torch.from_numpy(features).requires_grad_()
    for names in (torch.from_numpy(labels), torch.tensor([7, -2, 40], dtype=torch.int16)[labels]):
        assert score(tensor, names) == pytest.approx(expected)
        assert score(tensor.reshape(30, 1, 2, 2), names) == pytest.approx(expected)
    rounded = tensor.bfloat16()
    assert score(rounded, labels) == pytest.approx(score(rounded.double(), labels), rel=1e-6)


@pytest.mark.parametrize("score", FEATURE_SCORES)
def test_the_order_of_images_does_not_matter(score):
    features, labels = blobs(30, 4, 3)
    order = np.random.default_rng(0).permutation(30)
    assert score(features[order], labels[order]) == pytest.approx(score(features, labels))


@pytest.mark.parametrize("score", FEATURE_SCORES)
def test_better_separated_classes_score_higher(score):
    scores = [score(*blobs(60, 4, 3, apart=apart)) for apart in (0, 1, 3)]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


@pytest.mark.parametrize("score", FEATURE_SCORES)
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda f, y: (f * np.nan, y), "features must be finite, but row 0 holds nan in column 0"),
        (lambda f, y: (f[:, :0], y), r"features must have the shape \(n, columns\).*\(10, 0\)"),
        (lambda f, y: (f[:, 0], y), r"features must have the shape .*\(10,\)"),
        (lambda f, y: (f * 1j, y), "features must hold real numbers, not complex128"),
        (lambda f, y: (f, y[:-1]), "labels and features .* there are 9 and 10"),
        (lambda f, y: (f, y * 0 + 5), r"labels must hold at least 2 classes, not 1 \(5\)"),
        (lambda f, y: (f, y.astype(float)), "labels must hold whole numbers.*float64"),
        (lambda f, y: (f, y.astype(str)), "labels must hold whole numbers.*<U"),
        (lambda f, y: (f, np.eye(2)[y]), r"labels must have the shape \(n,\).*\(10, 2\)"),
        (lambda f, _: (f, None), "labels are missing"),
    ],
)
def test_input_that_does_not_fit_is_refused_by_name(score, change, complaint):
    with pytest.raises(ValueError, match=complaint):
        score(*change(*blobs(10, 3, 2)))
