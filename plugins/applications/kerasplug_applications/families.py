"""What the models of one family share: preparation of pixels, licence, paper.

A family is a module of `keras.applications` whose `preprocess_input` belongs to it.
Source of what is said on pixels and sizes: `keras/src/applications` of Keras 3.15.1;
papers: the references in it. Keras' repository is Apache-2.0 and says nothing on the
weights. Source of licences up to MobileNetV2: Keras' own documentation of 2019, page
"Applications"; of ConvNeXt: the read-me of the repository that the weights are from.
"""

from typing import Final, NamedTuple

__all__ = ["FAMILIES", "Family"]


class Family(NamedTuple):
    """What the models of one family have in common."""

    preprocessing: str
    licence: str
    #: Year of the paper as it was first published.
    year: int
    citation: str
    min_size: int = 32
    source: str = "https://keras.io/api/applications/"


_TENSORFLOW: Final = "Apache-2.0 (the repository TensorFlow Models)"
_VGG: Final = "CC-BY-4.0 (Visual Geometry Group, University of Oxford)"
_UNSAID: Final = "none stated for the weights; Keras' own code is Apache-2.0"

_VGG_PAPER: Final = (
    "K. Simonyan and A. Zisserman (2014). Very Deep Convolutional Networks for "
    "Large-Scale Image Recognition. ICLR 2015. arXiv:1409.1556."
)

FAMILIES: Final = {
    "xception": Family(
        preprocessing="tf",
        licence="MIT (trained by the author of Keras)",
        year=2016,
        citation=(
            "F. Chollet (2016). Xception: Deep Learning with Depthwise Separable "
            "Convolutions. CVPR 2017. arXiv:1610.02357."
        ),
        min_size=71,
    ),
    "vgg16": Family("caffe", _VGG, 2014, _VGG_PAPER),
    "vgg19": Family("caffe", _VGG, 2014, _VGG_PAPER),
    "resnet": Family(
        preprocessing="caffe",
        licence="MIT (ported from Kaiming He's repository)",
        year=2015,
        citation=(
            "K. He, X. Zhang, S. Ren and J. Sun (2015). Deep Residual Learning for "
            "Image Recognition. CVPR 2016. arXiv:1512.03385."
        ),
    ),
    "resnet_v2": Family(
        preprocessing="tf",
        licence="BSD (ported from Facebook's repository fb.resnet.torch)",
        year=2016,
        citation=(
            "K. He, X. Zhang, S. Ren and J. Sun (2016). Identity Mappings in Deep "
            "Residual Networks. ECCV 2016. arXiv:1603.05027."
        ),
    ),
    "inception_v3": Family(
        preprocessing="tf",
        licence=_TENSORFLOW,
        year=2015,
        citation=(
            "C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens and Z. Wojna (2015). "
            "Rethinking the Inception Architecture for Computer Vision. CVPR 2016. "
            "arXiv:1512.00567."
        ),
        min_size=75,
    ),
    "inception_resnet_v2": Family(
        preprocessing="tf",
        licence=_TENSORFLOW,
        year=2016,
        citation=(
            "C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi (2016). Inception-v4, "
            "Inception-ResNet and the Impact of Residual Connections on Learning. "
            "AAAI 2017. arXiv:1602.07261."
        ),
        min_size=75,
    ),
    "mobilenet": Family(
        preprocessing="tf",
        licence=_TENSORFLOW,
        year=2017,
        citation=(
            "A. G. Howard, M. Zhu, B. Chen, D. Kalenichenko, W. Wang, T. Weyand, "
            "M. Andreetto and H. Adam (2017). MobileNets: Efficient Convolutional "
            "Neural Networks for Mobile Vision Applications. arXiv:1704.04861."
        ),
    ),
    "mobilenet_v2": Family(
        preprocessing="tf",
        licence=_TENSORFLOW,
        year=2018,
        citation=(
            "M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen (2018). "
            "MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018. "
            "arXiv:1801.04381."
        ),
    ),
    "mobilenet_v3": Family(
        preprocessing="raw",
        licence=_UNSAID,
        year=2019,
        citation=(
            "A. Howard, M. Sandler, G. Chu, L.-C. Chen, B. Chen, M. Tan, W. Wang, "
            "Y. Zhu, R. Pang, V. Vasudevan, Q. V. Le and H. Adam (2019). Searching for "
            "MobileNetV3. ICCV 2019. arXiv:1905.02244."
        ),
        # The table of the other models leaves these out.
        source="https://keras.io/api/applications/mobilenet/",
    ),
    "densenet": Family(
        preprocessing="torch",
        licence="BSD-3-Clause (Zhuang Liu's repository)",
        year=2016,
        citation=(
            "G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger (2016). Densely "
            "Connected Convolutional Networks. CVPR 2017. arXiv:1608.06993."
        ),
    ),
    "nasnet": Family(
        preprocessing="tf",
        licence=_TENSORFLOW,
        year=2017,
        citation=(
            "B. Zoph, V. Vasudevan, J. Shlens and Q. V. Le (2017). Learning "
            "Transferable Architectures for Scalable Image Recognition. CVPR 2018. "
            "arXiv:1707.07012."
        ),
    ),
    "efficientnet": Family(
        preprocessing="raw",
        licence=_UNSAID,
        year=2019,
        citation=(
            "M. Tan and Q. V. Le (2019). EfficientNet: Rethinking Model Scaling for "
            "Convolutional Neural Networks. ICML 2019. arXiv:1905.11946."
        ),
    ),
    "efficientnet_v2": Family(
        preprocessing="raw",
        licence=_UNSAID,
        year=2021,
        citation=(
            "M. Tan and Q. V. Le (2021). EfficientNetV2: Smaller Models and Faster "
            "Training. ICML 2021. arXiv:2104.00298."
        ),
    ),
    "convnext": Family(
        preprocessing="raw",
        licence="MIT (ported from the authors' repository)",
        year=2022,
        citation=(
            "Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell and S. Xie (2022). "
            "A ConvNet for the 2020s. CVPR 2022. arXiv:2201.03545."
        ),
    ),
}
