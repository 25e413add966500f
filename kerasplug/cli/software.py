"""How Keras, its engines and kerasplug ask to be cited.

Sources: Keras' FAQ (https://keras.io/getting_started/faq/); TensorFlow's page
https://www.tensorflow.org/about/bib; the files CITATION.bib of JAX and CITATION.cff of
PyTorch. JAX asks for the version that is used, kerasplug as well.
"""

from typing import Final

import kerasplug
from kerasplug._frameworks.presence import recorded_version
from kerasplug.cli.bibtex import Entry, written

__all__ = ["NAMES", "entry"]

_KERAS: Final = r"""@misc{chollet2015keras,
  title = {Keras},
  author = {Chollet, Fran\c{c}ois and others},
  year = {2015},
  howpublished = {\url{https://keras.io}},
}"""
_TENSORFLOW: Final = r"""@misc{tensorflow2015-whitepaper,
  title = {{TensorFlow}: Large-Scale Machine Learning on Heterogeneous Systems},
  url = {https://www.tensorflow.org/},
  note = {Software available from tensorflow.org},
  author = {Mart{\'\i}n Abadi and Ashish Agarwal and Paul Barham and Eugene Brevdo
    and Zhifeng Chen and Craig Citro and Greg S. Corrado and Andy Davis
    and Jeffrey Dean and Matthieu Devin and Sanjay Ghemawat and Ian Goodfellow
    and Andrew Harp and Geoffrey Irving and Michael Isard and Yangqing Jia
    and Rafal Jozefowicz and Lukasz Kaiser and Manjunath Kudlur and Josh Levenberg
    and Dandelion Man{\'e} and Rajat Monga and Sherry Moore and Derek Murray
    and Chris Olah and Mike Schuster and Jonathon Shlens and Benoit Steiner
    and Ilya Sutskever and Kunal Talwar and Paul Tucker and Vincent Vanhoucke
    and Vijay Vasudevan and Fernanda Vi{\'e}gas and Oriol Vinyals and Pete Warden
    and Martin Wattenberg and Martin Wicke and Yuan Yu and Xiaoqiang Zheng},
  year = {2015},
}"""
_JAX: Final = r"""@software{jax2018github,
  author = {James Bradbury and Roy Frostig and Peter Hawkins and Matthew James Johnson
    and Yash Katariya and Chris Leary and Dougal Maclaurin and George Necula
    and Adam Paszke and Jake Vander{P}las and Skye Wanderman-{M}ilne and Qiao Zhang},
  title = {{JAX}: composable transformations of {P}ython+{N}um{P}y programs},
  url = {http://github.com/jax-ml/jax},
  year = {2018},
}"""
_TORCH: Final = r"""@inproceedings{ansel2024pytorch,
  title = {{PyTorch 2: Faster Machine Learning Through Dynamic Python Bytecode
    Transformation and Graph Compilation}},
  author = {Ansel, Jason and Yang, Edward and He, Horace and Gimelshein, Natalia
    and Jain, Animesh and Voznesensky, Michael and Bao, Bin and Bell, Peter
    and Berard, David and Burovski, Evgeni and Chauhan, Geeta and Chourdia, Anjali
    and Constable, Will and Desmaison, Alban and DeVito, Zachary and Ellison, Elias
    and Feng, Will and Gong, Jiong and Gschwind, Michael and Hirsh, Brian
    and Huang, Sherlock and Kalambarkar, Kshiteej and Kirsch, Laurent
    and Lazos, Michael and Lezcano, Mario and Liang, Yanbo and Liang, Jason
    and Lu, Yinghai and Luk, CK and Maher, Bert and Pan, Yunjie
    and Puhrsch, Christian and Reso, Matthias and Saroufim, Mark
    and Siraichi, Marcos Yukio and Suk, Helen and Suo, Michael and Tillet, Phil
    and Wang, Eikan and Wang, Xiaodong and Wen, William and Zhang, Shunting
    and Zhao, Xu and Zhou, Keren and Zou, Richard and Mathews, Ajit
    and Chanan, Gregory and Wu, Peng and Chintala, Soumith},
  booktitle = {29th ACM International Conference on Architectural Support for
    Programming Languages and Operating Systems, Volume 2 (ASPLOS '24)},
  month = apr,
  year = {2024},
  publisher = {ACM},
  doi = {10.1145/3620665.3640366},
  url = {https://pytorch.org/assets/pytorch2-2.pdf},
}"""
_OWN: Final = "kerasplug"
_TEXTS: Final = {
    "keras": _KERAS,
    "tensorflow": _TENSORFLOW,
    "jax": _JAX,
    "torch": _TORCH,
}

#: All that can be cited without a plugin.
NAMES: Final = (*_TEXTS, _OWN)


def entry(name: str) -> Entry:
    """How one of `NAMES` asks to be cited.

    Example:
        >>> entry("keras").key
        'chollet2015keras'
    """
    if name == _OWN:
        return _own()
    text = _TEXTS[name]
    version = recorded_version(name) if name == "jax" else ""
    if version:
        text = text.replace("  year", f"  version = {{{version}}},\n  year")
    (found,) = written(text)
    return found


def _own() -> Entry:
    # What CITATION.cff says, which no wheel has; a test compares them.
    fields = {
        "title": "{kerasplug: the plugin toolkit for packages that extend Keras}",
        "author": "{The kerasplug authors}",
        "year": "2026",
        "version": kerasplug.__version__,
    }
    return Entry("software", _OWN, fields)
