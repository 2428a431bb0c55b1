"""Every attack class of torchattacks 3.5.1: whether it is used here, and why.

The docs are made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One class of torchattacks.

    Attributes:
        name: Name of the class.
        used_as: Its name in `catalogue.ALGORITHMS`, empty if it is not used.
        why: The reason in a sentence.
    """

    name: str
    used_as: str
    why: str


_MINIMAL = (
    "looks for the smallest change that flips one class; here the budget is fixed and a "
    "frame has many objects"
)
_FEW = "changes few pixels without a bound on how far, which is none of the budgets"
_RESIZE = (
    "resizes the input to a square and takes 3 channels, which a rig's views or a latent box "
    "are not"
)
_SMOOTHED = (
    "attacks a classifier that is averaged over copies with Gaussian noise, which no model here is"
)

TORCHATTACKS: tuple[Entry, ...] = (
    Entry("FGSM", "ta_fgsm", "one step of the whole radius"),
    Entry("BIM", "ta_bim", "PGD from the clean input"),
    Entry("RFGSM", "ta_rfgsm", "PGD from a random step of Gaussian signs"),
    Entry("PGD", "ta_pgd", "the reference that our own PGD is compared with, number by number"),
    Entry("EOTPGD", "", "averages gradients of a random model; passes repeat exactly here, so it "
                        "is PGD at twice the cost"),
    Entry("FFGSM", "ta_ffgsm", "one step of 1.25 radii from a random start"),
    Entry("TPGD", "", "drives the logits away from the clean ones in either direction: with one "
                      "number to raise it may lower it"),
    Entry("MIFGSM", "ta_mifgsm", "momentum"),
    Entry("NIFGSM", "ta_nifgsm", "momentum with a look ahead"),
    Entry("SINIFGSM", "ta_sinifgsm", "NIFGSM on darkened copies: cameras only, a latent box has no "
                                     "brightness"),
    Entry("VMIFGSM", "ta_vmifgsm", "momentum with the gradients' variance about the input: six "
                                   "passes a step"),
    Entry("VNIFGSM", "ta_vnifgsm", "VMIFGSM with a look ahead: six passes a step"),
    Entry("UPGD", "ta_upgd", "PGD with a random start and momentum, on any loss"),
    Entry("APGD", "ta_apgd", "Auto-PGD in its L-infinity or L2 form"),
    Entry("PGDL2", "ta_pgdl2", "PGD in an L2 ball"),
    Entry("Square", "ta_square", "random search, by queries; cameras only: its squares do not fit "
                                 "a latent box"),
    Entry("SPSA", "ta_spsa", "estimated gradients with Adam, by queries; few of them give no more "
                             "than noise"),
    Entry("APGDT", "", "its targeted loss is a monotone function of the margin that it is given: "
                       "APGD again"),
    Entry("FAB", "", _MINIMAL),
    Entry("AutoAttack", "", "APGD, APGDT, FAB and Square in turn, at 10 steps and with a seed from "
                            "the clock; its parts are run"),
    Entry("MultiAttack", "", "runs others on what is not fooled yet, by class; the worst of "
                             "several is our `suite`"),
    Entry("LGV", "", "trains the weights of the model further to find surrogates: the model is not "
                     "ours to change"),
    Entry("DIFGSM", "", _RESIZE),
    Entry("TIFGSM", "", _RESIZE),
    Entry("PIFGSM", "", "convolves the gradient with a kernel for 3 channels"),
    Entry("PIFGSMPP", "", "convolves the gradient with a kernel for 3 channels"),
    Entry("Jitter", "", "divides the logits by the largest and adds noise: of one number to raise "
                        "nothing but noise is left"),
    Entry("PGDRS", "", _SMOOTHED),
    Entry("PGDRSL2", "", _SMOOTHED),
    Entry("GN", "", "Gaussian noise without a bound; `noise` is the control here"),
    Entry("VANILA", "", "the identity"),
    Entry("CW", "", _MINIMAL),
    Entry("DeepFool", "", _MINIMAL),
    Entry("EADL1", "", _MINIMAL),
    Entry("EADEN", "", _MINIMAL),
    Entry("SparseFool", "", _FEW),
    Entry("JSMA", "", _FEW),
    Entry("OnePixel", "", _FEW),
    Entry("Pixle", "", "moves pixels to other places without a bound on how far they change"),
)  # fmt: skip
