#!/bin/sh
# scikit-learn's LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto") does not shrink at all
# when each class has two examples: Ledoit and Wolf's estimate of the error of two standardised
# examples is 0. The covariance keeps rank 1 for each class, and with more numbers than examples the
# answers are hardly better than chance, while the nearest mean of the same two examples is right
# nearly always. With three examples of each class the shrinkage is a third, and all is well.
#
# Seen with scikit-learn 1.9.1, numpy 2.4.6, four classes of 128 normal numbers, 800 tested:
#   2 examples: shrinkage 0.000, LDA 42 %, nearest mean 99 %
#   3 examples: shrinkage 0.335, LDA 99 %, nearest mean 100 %
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

rng = np.random.default_rng(0)
SIZE, CLASSES = 128, 4
means = rng.normal(size=(CLASSES, SIZE)) * 0.6


def draw(n):
    labels = np.repeat(np.arange(CLASSES), n)
    return means[labels] + rng.normal(size=(len(labels), SIZE)), labels


asked, right = draw(200)
print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
found = {}
for n in (2, 3):
    shrinkages, lda, nearest = [], [], []
    for _ in range(20):
        values, labels = draw(n)
        model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto").fit(values, labels)
        lda.append(np.mean(model.predict(asked) == right))
        one = values[labels == 0]
        shrinkages.append(ledoit_wolf((one - one.mean(axis=0)) / one.std(axis=0))[1])
        centres = np.array([values[labels == label].mean(axis=0) for label in range(CLASSES)])
        distances = ((asked[:, None] - centres) ** 2).sum(axis=2)
        nearest.append(np.mean(distances.argmin(axis=1) == right))
    found[n] = np.mean(shrinkages), np.mean(lda), np.mean(nearest)
    print(
        f"{n} examples: shrinkage {found[n][0]:.3f}, LDA {found[n][1]:.0%}, "
        f"nearest mean {found[n][2]:.0%}"
    )
assert found[2][0] == 0 and found[2][1] < 0.6 < 0.95 < found[2][2], "two examples differ now"
assert found[3][0] > 0.2 and found[3][1] > 0.95, "three examples differ now"
PYTHON
