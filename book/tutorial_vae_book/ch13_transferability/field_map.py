"""The map of the field: what each box is, in what order, with its formula, source and place.

The order is that of Jiang, Shu, Wang & Long 2022: pre-training, then adaptation to a task or to a
domain, then evaluation.
"""

from typing import NamedTuple


class Box(NamedTuple):
    r"""One box of the map.

    Attributes:
        name: by which it is chosen; of a method, that in the tables.
        title: what the map calls it.
        says: one plain sentence.
        formula: its lines, in a small part of TeX: letters and signs stand for themselves, Greek
            ones as Unicode characters; there are ``_``, ``^``, ``{…}``, ``\frac{…}{…}`` and
            ``\hat{…}``, and any other command is a word that is set upright, as ``\log`` is.
        source: author and year.
        place: where it is in the package, from ``tutorial_vae.`` on.
    """

    name: str
    title: str
    says: str
    formula: tuple[str, ...]
    source: str
    place: str


class Group(NamedTuple):
    """Boxes under one heading of a stage."""

    stage: str
    heading: str
    boxes: tuple[Box, ...]


FIELD = (
    Group(
        "Pre-training",
        "what the source teaches",
        (
            Box(
                "supervised",
                "Supervised",
                "The backbone learns, together with a head, to name the source’s classes.",
                (r"\max_w \frac{1}{n} ∑_i \log p(y_i | x_i; w)",),
                "Yosinski, Clune, Bengio & Lipson 2014",
                "transfer.pretraining.pretrain",
            ),
            Box(
                "generative",
                "Generative",
                "The backbone is the encoder of a variational autoencoder, which learns to draw "
                "the source’s images and reads no label.",
                (r"E_q [ \log p(x | z) ] − \KL( q(z | x) ‖ p(z) )",),
                "Kingma & Welling 2013",
                "transfer.pretraining.pretrain",
            ),
            Box(
                "contrastive",
                "Contrastive",
                "The backbone learns to recognise two altered views of one image among views of "
                "others, without labels; s is the cosine of two views, i′ the other view of i.",
                (r"− \log \frac{e^{s_{i i′} / τ}}{∑_{j ≠ i} e^{s_{i j} / τ}}",),
                "Chen, Kornblith, Norouzi & Hinton 2020",
                "transfer.pretraining.SimCLR",
            ),
        ),
    ),
    Group(
        "Adaptation",
        "to a task: new classes",
        (
            Box(
                "linear-probe",
                "Linear probe",
                "The backbone f stands still, and only a new linear head is trained.",
                (r"p(y | x) ∝ \exp( W f(x; w_0) + b )_y",),
                "Yosinski, Clune, Bengio & Lipson 2014",
                "adaptation.LinearProbe",
            ),
            Box(
                "fine-tuning",
                "Fine-tuning",
                "Backbone and head are both trained on the target’s labels, from the source’s "
                "weights on.",
                (r"\max_{w, v} \frac{1}{n} ∑_i \log p(y_i | x_i; w, v)", r"w \from w_0"),
                "Yosinski, Clune, Bengio & Lipson 2014",
                "adaptation.FineTuning",
            ),
            Box(
                "l2-sp",
                "L2-SP",
                "Fine-tuning that pays for every step the weights take away from those they "
                "started with; v is the head.",
                (r"\frac{α}{2} ‖ w − w_0 ‖^2 + \frac{β}{2} ‖ v ‖^2",),
                "Li, Grandvalet & Davoine 2018",
                "adaptation.L2SP",
            ),
            Box(
                "delta",
                "DELTA",
                "Fine-tuning that holds the feature maps F near those of the start, those channels "
                "c most that matter to the task.",
                (r"\frac{α}{2} ∑_c a_c ‖ F_c(x; w) − F_c(x; w_0) ‖^2",),
                "Li et al. 2019",
                "adaptation.DELTA",
            ),
            Box(
                "bss",
                "BSS",
                "Batch spectral shrinkage: fine-tuning that weakens the k directions in which a "
                "batch’s features vary least.",
                (r"η ∑_{i = 1}^k σ_{− i}^2",),
                "Chen et al. 2019",
                "adaptation.BSS",
            ),
            Box(
                "adapters",
                "Adapters",
                "The backbone is frozen, and every layer learns a difference of low rank r.",
                (r"W = W_0 + \frac{γ}{r} B A",),
                "Hu et al. 2021",
                "adaptation.LowRankAdapters",
            ),
        ),
    ),
    Group(
        "Adaptation",
        "to a domain: other pictures",
        (
            Box(
                "source-only",
                "Source only",
                "Nothing is done about the difference: training goes on with the source’s labels, "
                "and the target is met as it is.",
                (r"\max_w \frac{1}{n} ∑_i \log p(y_i^s | x_i^s; w)",),
                "the baseline in Jiang, Shu, Wang & Long 2022",
                "adaptation.SourceOnly",
            ),
            Box(
                "dan",
                "DAN",
                "The mean embeddings of source and target features, under several kernels at once, "
                "are drawn together.",
                (r"λ ‖ \mean φ(f^s) − \mean φ(f^t) ‖^2",),
                "Long, Cao, Wang & Jordan 2015",
                "adaptation.DAN",
            ),
            Box(
                "coral",
                "CORAL",
                "The covariances C of source and target features, of d dimensions, are drawn "
                "together.",
                (r"\frac{λ}{4 d^2} ‖ C_s − C_t ‖_F^2",),
                "Sun & Saenko 2016",
                "adaptation.CORAL",
            ),
            Box(
                "dann",
                "DANN",
                "A discriminator D learns to tell the domains apart, and the backbone, through "
                "reversed gradients, learns features f that leave it guessing.",
                (r"\max_f \min_D − \frac{1}{2} E \log D(f^s)", r"− \frac{1}{2} E \log(1 − D(f^t))"),
                "Ganin et al. 2016",
                "adaptation.DANN",
            ),
            Box(
                "cdan",
                "CDAN",
                "As DANN, but the discriminator also sees the predicted classes g.",
                (r"D( f ⊗ g )",),
                "Long, Cao, Wang & Jordan 2018",
                "adaptation.CDAN",
            ),
            Box(
                "mcc",
                "MCC",
                "Minimum class confusion: target images shall not be between classes; M counts how "
                "often two classes are predicted together.",
                (r"\frac{λ}{C} ∑_c ∑_{c′ ≠ c} \frac{M_{c c′}}{∑_{c″} M_{c c″}}",),
                "Jin, Wang, Long & Wang 2020",
                "adaptation.MCC",
            ),
        ),
    ),
    Group(
        "Evaluation",
        "after training",
        (
            Box(
                "label-efficiency",
                "Label-efficiency curves",
                "How much accuracy A pre-training brings, over the share m of the labels that may "
                "be used.",
                (r"m ↦ A(m) − A_{\scratch}(m)",),
                "Jiang, Shu, Wang & Long 2022",
                "experiments.transferability",
            ),
            Box(
                "forgetting",
                "Forgetting",
                "How the source’s own accuracy changes while the target is learnt: it forgets.",
                (r"A_s^{\after} − A_s^{\before}",),
                "McCloskey & Cohen 1989",
                "experiments.transferability",
            ),
            Box(
                "negative-transfer",
                "Negative transfer",
                "Where the source does harm: training from scratch ends higher.",
                (r"A < A_{\scratch}",),
                "Rosenstein et al. 2005; Wang et al. 2019",
                "experiments.transferability",
            ),
        ),
    ),
    Group(
        "Evaluation",
        "before training: scores",
        (
            Box(
                "leep",
                "LEEP",
                "How well the classes z that a source classifier sees, with probabilities θ, "
                "foretell the target’s labels.",
                (r"\frac{1}{n} ∑_i \log ∑_z \hat{P}(y_i | z) θ(x_i)_z",),
                "Nguyen, Hassner, Seeger & Archambeau 2020",
                "transfer.leep",
            ),
            Box(
                "nce",
                "NCE",
                "How uncertain the labels y remain when the source’s label z of the same image is "
                "known, negated.",
                (r"∑_{y, z} \hat{P}(y, z) \log \hat{P}(y | z)",),
                "Tran, Nguyen & Hassner 2019",
                "transfer.nce",
            ),
            Box(
                "logme",
                "LogME",
                "How well a Bayesian linear model on the features F explains the labels of a "
                "class; the mean over classes counts.",
                (r"\frac{1}{n} \max_{α, β} \log N(y; 0, β^{− 1} I + α^{− 1} F F^⊤)",),
                "You, Liu, Wang & Long 2021",
                "transfer.logme",
            ),
            Box(
                "h_score",
                "H-score",
                "How much of the features’ variance, in any direction, lies between classes.",
                (r"\tr( \cov(f)^+ \cov(E[ f | y ]) )",),
                "Bao et al. 2019",
                "transfer.h_score",
            ),
            Box(
                "knn_accuracy",
                "k-NN",
                "How often an image has the class that prevails among its k nearest neighbours; "
                "here k is 5.",
                (r"\frac{1}{n} ∑_i [ y_i = \mode_{j ∈ N_k(i)} y_j ]",),
                "Cover & Hart 1967",
                "transfer.knn_accuracy",
            ),
            Box(
                "label_cka",
                "CKA to labels",
                "How alike the images are to each other in the features as in the labels; H is "
                "unbiased HSIC, K and L compare all pairs of images.",
                (r"\frac{H(K, L)}{( H(K, K) H(L, L) )^{1 / 2}}",),
                "Cortes, Mohri & Rostamizadeh 2012",
                "transfer.label_cka",
            ),
        ),
    ),
)
