from . import data as data
from . import evaluation as evaluation
from . import models as models
from . import objectives as objectives
from . import plots as plots
from . import similarity as similarity
from . import training as training
from . import widgets as widgets
from .data import ImageSet as ImageSet
from .data import load_images as load_images
from .evaluation import evaluate as evaluate
from .models import VAE as VAE
from .models import load_model as load_model
from .models import save_model as save_model
from .objectives import ELBO as ELBO
from .objectives import BetaVAE as BetaVAE
from .objectives import elbo as elbo
from .objectives import gaussian_kl as gaussian_kl
from .similarity import LayerSimilarity as LayerSimilarity
from .similarity import cka as cka
from .similarity import compare_layers as compare_layers
from .similarity import hsic as hsic
from .training import History as History
from .training import fit as fit
from .widgets import LayerExplorer as LayerExplorer

__version__: str
