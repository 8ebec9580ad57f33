"""How far each step of learning goes."""


def warmed(step: int, width: int, warmup: int = 4000) -> float:
    """w^−½ · min(step^−½, step · warmup^−3⁄2): up in a straight line for `warmup` steps, then down.

    Vaswani et al. 2017, equation 3.  step: counted from 1; width: of the model, a wider one goes slower.  Raises
    ValueError for a step or a warm-up below 1.
    """
    if step < 1 or warmup < 1:
        raise ValueError(f"step {step} of a warm-up of {warmup}: both are counted from 1")
    return width**-0.5 * min(step**-0.5, step * warmup**-1.5)
