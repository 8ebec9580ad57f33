// Activations by their names, as explain/sums.py has them, in float64.

function logistic(x) {
  return x > -700 ? 1 / (1 + Math.exp(-x)) : 0;
}

function softplus(x) {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

/** The error function, to about 1e-15: its series near zero, a continued fraction of its complement beyond. */
export function erf(x) {
  const size = Math.abs(x);
  const value = size < 2.5 ? erfSeries(size) : 1 - erfcFraction(size);
  return Math.sign(x) * value;
}

function erfSeries(x) {
  let [sum, power] = [0, x];
  for (let n = 0; Math.abs(power) > 1e-18 * (1 + sum); n += 1) {
    sum += power / (2 * n + 1);
    power *= (-x * x) / (n + 1);
    if (n > 200) break;
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

function erfcFraction(x) {
  let value = x;
  for (let k = 60; k > 0; k -= 1) value = x + k / 2 / value;
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / value;
}

const gelu = (x) => (x * (1 + erf(x / Math.SQRT2))) / 2;
const geluTanh = (x) => (x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))) / 2;
const silu = (x) => x * logistic(x);

const CURVES = {
  relu: (x) => Math.max(x, 0),
  gelu,
  gelu_python: gelu,
  gelu_new: geluTanh,
  gelu_fast: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  quick_gelu: (x) => x * logistic(1.702 * x),
  silu,
  swish: silu,
  mish: (x) => x * Math.tanh(softplus(x)),
  tanh: Math.tanh,
  sigmoid: logistic,
  linear: (x) => x,
};

/** The function of that name.  Throws for a name that is not known. */
export function curveOf(name) {
  if (!Object.hasOwn(CURVES, name)) throw new Error(`the activation ${name} is not known in the page`);
  return CURVES[name];
}
