# SPDX-License-Identifier: Apache-2.0
"""The steps of random graphs: each adds the lines of an operator or two to a writer, and returns the result."""

from graph_writer import ENDS, TYPES, step

BORDERS = ("clamp", "reflect_1001", "reflect_101", "wrap")


# --- steps: element by element -----------------------------------------------------------------------------------

@step(4)
def with_a_number(w):
    x = w.any()
    return w.one_of(
        lambda: w.like(f"{x.name} + {w.number(-4, 4)}", x, None),
        lambda: w.like(f"{x.name} - {w.below(5)}", x, None),
        lambda: w.like(f"{w.number(0.25, 2)} * {w.real(x).name}", x, "float32"),
        lambda: w.like(f"{x.name} * fn.random.uniform(range=(0.5, 1.5))", x, None),
        lambda: w.like(f"{w.real(x).name} / {w.number(1, 5)}", x, "float32"))()


@step(4)
def of_two(w):
    a, b = w.pair()
    op = w.one_of("+", "-", "*", "/")
    if op == "/":
        return w.like(f"{w.real(a).name} / (math.fabs({w.real(b).name}) + 1.0)", a, "float32")
    if "bool" in (a.dtype, b.dtype) or None in (a.dtype, b.dtype):
        a, b = w.real(a), w.real(b)
    return w.like(f"{a.name} {op} {b.name}", a, a.dtype if a.dtype == b.dtype else None)


@step(3)
def function(w):
    x = w.real()
    return w.like(w.one_of(
        f"-{x.name}", f"math.clamp({x.name}, -8.0, {w.number(0, 40)})", f"math.sqrt(math.abs({x.name}))",
        f"math.exp(math.clamp({x.name}, -5.0, 3.0))", f"math.sin({x.name})", f"math.max({x.name}, {w.number(-3, 3)})",
        f"math.min({w.number(-3, 3)}, {x.name})", f"(math.abs({x.name}) + 0.5) ** {w.number(0.5, 2)}",
        f"math.floor({x.name})"), x, "float32")


@step(2)
def cast(w):
    x, dtype = w.any(), w.one_of(*TYPES)
    return w.like(f"fn.cast(math.clamp({w.real(x).name}, -100.0, 100.0), dtype=types.{TYPES[dtype]})", x, dtype)


@step(1)
def of_whole_numbers(w):
    x = w.real()
    whole = f"fn.cast(math.clamp({x.name}, -100.0, 100.0), dtype=types.INT32)"
    return w.like(w.one_of(f"{whole} % {w.below(9) - 4}", f"({whole} << {w.below(9)}) % 101", f"~{whole} >> {w.below(5)}",
                           f"abs({whole}) % ({whole} + 3)"), x, "int32")


@step(2)
def intensity(w):
    x = w.real()
    return w.like(w.one_of(
        f"fn.brightness({x.name}, brightness=fn.random.uniform(range=(0.7, 1.3)))",
        f"fn.contrast({x.name}, contrast=fn.random.uniform(range=(0.7, 1.3)))",
        f"fn.brightness_contrast({x.name}, brightness={w.number(0.5, 1.5)}, contrast={w.number(0.5, 1.5)})"), x, None)


@step(2)
def noise(w):
    x = w.real()
    return w.like(w.one_of(
        f"fn.noise.gaussian({x.name}, stddev=fn.random.uniform(range=(0, 1)))",
        f"fn.noise.salt_and_pepper({x.name}, prob=0.2)",
        f"fn.noise.shot(math.clamp(math.abs({x.name}), 0.0, 50.0), factor={w.number(1, 20)})",
        f"{x.name} + fn.random.normal({x.name})",
        f"{x.name} * fn.random.uniform(range=(0.5, 1.5), seed={w.below(3)})"), x, None)


@step(2)
def by_mask(w):
    a, b = w.pair()
    a, b = w.real(a), w.real(b)
    return w.like(f"fn.select({a.name} {w.one_of('>', '<=')} {w.number(-5, 5)}, {a.name}, {b.name})", a)


# --- steps: one of two -------------------------------------------------------------------------------------------

@step(2)
def by_coin(w):
    a, b = w.pair()
    a, b = w.real(a), w.real(b)
    return w.like(f"fn.select(fn.random.coin_flip(dtype=types.BOOL), {a.name}, {b.name})", a)


@step(3)
def by_branch(w):
    """One of two values of one type, rank and layout, whose shapes may differ; the condition is drawn, or computed."""
    a = w.any()
    b = w.latest([v for v in w.values if v.layout == a.layout])
    a, b = w.real(a), w.real(b)
    condition = w.one_of("fn.random.coin_flip(dtype=types.BOOL)", f"(fn.reductions.mean({w.real().name}) > 0)",
                         "fn.random.coin_flip(probability=0.2)", "1", "0")
    return w.like(f"fn.flow.merge({condition}, {a.name}, {b.name})", a, "float32", a.shape if a.shape == b.shape else None)


@step(2)
def of_the_batch(w):
    """Samples in another order, of a few of them where a branch takes it."""
    x = w.any()
    kind = w.one_of("", "no_fixed_points=True", "allow_repetitions=True")
    y = w.like(f"fn.permute_batch({x.name}, indices=fn.batch_permutation({kind}))", x)
    if x.shape is not None and w.below(2):
        a, b = w.real(x), w.real(y)
        return w.like(f"{a.name} * 0.75 + {b.name} * 0.25", a, "float32")
    if w.below(2):
        a, b = w.real(x), w.real(y)
        return w.like(f"fn.flow.merge(fn.random.coin_flip(), {b.name}, {a.name})", a, "float32")
    return y


@step(2)
def blend(w):
    """The operands are whole numbers that no error keeps back: what infinity, NaN, -0 and errors of a branch not
    taken do is not promised."""
    if any(perhaps in line for perhaps in MAY_FAIL for line in w.lines):
        return None
    a, b = w.pair()
    a, b = (w.cast(w.cast(v, "int16"), w.one_of("int16", "float32")) for v in (a, b))
    coin = f"coin{w.count()}"
    w.lines.append(f"{coin} = fn.random.coin_flip(dtype=types.BOOL)")
    return w.like(f"{coin} * {a.name} + ({coin} ^ True) * {b.name}", a, None)


# --- steps: reductions -------------------------------------------------------------------------------------------

@step(3)
def with_a_reduction(w):
    x = w.real()
    n = x.name
    return w.like(w.one_of(
        f"{n} - fn.reductions.mean({n})",
        f"{n} / (fn.reductions.std_dev({n}, fn.reductions.mean({n})) + 0.5)",
        f"math.clamp({n}, fn.reductions.min({n}) + 1.0, fn.reductions.max({n}))",
        f"{n} * fn.reductions.rms({n})",
        f"{n} + fn.reductions.sum({n}, axes={w.below(x.rank)}, keep_dims=True)",
        f"{n} - fn.reductions.max({n}, axes={[0, x.rank - 1]}, keep_dims=True)",
        f"({n} - fn.reductions.min({n})) / (fn.reductions.max({n}) - fn.reductions.min({n}) + 1.0)"), x)


@step(2)
def with_reductions_of_another(w):
    a, b = w.pair()
    a, b = w.real(a), w.real(b)

    def deviation(v):
        return f"fn.reductions.std_dev({v.name}, fn.reductions.mean({v.name}))"

    return w.like(w.one_of(
        f"{a.name} - fn.reductions.mean({b.name})",
        f"({a.name} * 1.5 + {b.name}) * {deviation(a)} + {deviation(b)}",
        f"({a.name} + {b.name}) / ({deviation(b)} + 0.5)"), a)


@step(1)
def of_a_shape(w):
    """Numbers drawn for the shape of a value that is computed for nothing else."""
    x = w.real()
    return w.like(w.one_of(
        f"{x.name} + fn.random.normal({x.name} * fn.reductions.max({x.name}))",
        f"{x.name} * fn.random.uniform({x.name} * fn.reductions.min({x.name})) + {x.name}"), x)


@step(1)
def with_a_row(w):
    x = w.real(w.known())
    return w.like(f"{x.name} + fn.random.normal(fn.random.uniform(shape=[{x.shape[-1]}]))", x)


@step(1)
def normalize(w):
    x = w.real()
    options = w.one_of("epsilon=1e-3", "mean=2.0, stddev=3.0", f"axes={[x.rank - 1]}, epsilon=1e-2")
    return w.like(f"fn.normalize({x.name}, {options})", x)


@step(1)
def normalize_batch(w):
    x = w.real()
    return w.like(f"fn.normalize({x.name}, batch=True, epsilon=1e-3)", x)


# --- steps: views ------------------------------------------------------------------------------------------------

@step(3)
def flip(w, x=None):
    x = x or w.any()
    axes = [name for letter, name in zip("WHD", ("horizontal", "vertical", "depthwise")) if letter in x.layout]
    return w.like(f"fn.flip({x.name}, {', '.join(f'{axis}={w.coin()}' for axis in axes)})", x)


def window_of(w, x):
    return [1 + w.below(extent) for extent in x.shape]


@step(2)
def part(w):
    x = w.known()
    shape = window_of(w, x)
    starts = [w.below(extent - size + 1) for extent, size in zip(x.shape, shape)]
    spans = ", ".join(f"{start}:{start + size}" for start, size in zip(starts, shape))
    return w.like(f"{x.name}[{spans}]", x, shape=tuple(shape))


@step(3)
def crop(w):
    """At a place that is drawn, or computed from the elements."""
    x = w.known()
    axes = [letter for letter in x.layout if letter in "DHW"]
    shape = list(x.shape)
    for letter in axes:
        at = x.layout.index(letter)
        shape[at] = 1 + w.below(shape[at])
    sizes = "".join(f", crop_{letter.lower()}={shape[x.layout.index(letter)]}" for letter in axes)
    place = w.one_of("fn.random.uniform(range=(0, 1))",
                     f"math.clamp(fn.reductions.mean({w.real(x).name}) * 0.01, 0.0, 1.0)")
    return w.like(f"fn.crop({x.name}{sizes}, crop_pos_{axes[w.below(len(axes))].lower().translate(XYZ)}={place})", x,
                  shape=tuple(shape))


XYZ = str.maketrans("whd", "xyz")


MAY_FAIL = ("start=fn.cast(fn.random",)


@step(1)
def around_an_object(w):
    """A window that lies where a search of the elements finds something."""
    x = w.known()
    if "C" in x.layout:
        return None
    start, size = (f"{name}{w.count()}" for name in ("start", "size"))
    w.lines.append(f'{start}, {size} = fn.segmentation.random_object_bbox(fn.cast({w.real(x).name} > {w.number(-10, 30)}, '
                   'dtype=types.INT32), format="anchor_shape", foreground_prob=0.8)')
    shape = window_of(w, x)
    return w.like(f"fn.slice({x.name}, start={start}, shape={shape}, axes={list(range(x.rank))}, "
                  f'out_of_bounds_policy="pad")', x, shape=tuple(shape))


@step(3)
def padded_window(w):
    x = w.known()
    shape = [max(1, extent + w.below(6) - 2) for extent in x.shape]
    start = [w.below(5) - 2 for _ in shape]
    return w.like(f"fn.slice({x.name}, start={start}, shape={shape}, axes={list(range(x.rank))}, "
                  f'out_of_bounds_policy="{w.one_of("pad", "pad", *BORDERS)}", fill_values={w.one_of(0, 7, -1)})', x, shape=tuple(shape))


@step(1)
def pad(w):
    x = w.any()
    how = w.one_of("", ", align=4", f", fill_value={w.below(9)}")
    return w.like(f"fn.pad({x.name}{how})", x, shape=None if x.shape is None or "align" in how else x.shape)


@step(2)
def transpose(w):
    x = w.any()
    order = list(range(x.rank))
    for at in range(x.rank - 1):
        other = at + w.below(x.rank - at)
        order[at], order[other] = order[other], order[at]
    layout = "".join(x.layout[k] for k in order)
    if layout.strip("C") not in ("DHW", "HW"):  # few operators take axes in another order
        return w.write(f'fn.transpose({x.name}, perm={order}, transpose_layout=False, output_layout="{x.layout}")',
                       x.shape and tuple(x.shape[k] for k in order), x.dtype, x.layout)
    return w.write(f"fn.transpose({x.name}, perm={order})", x.shape and tuple(x.shape[k] for k in order), x.dtype, layout)


@step(1)
def reshape(w):
    """Two neighbouring axes as one, and one as two."""
    x = w.known()
    at = w.below(x.rank - 1)
    joined_extent = x.shape[at] * x.shape[at + 1]
    divisors = [d for d in range(1, joined_extent + 1) if joined_extent % d == 0]
    first = w.one_of(*divisors)
    shape = x.shape[:at] + (first, joined_extent // first) + x.shape[at + 2:]
    return w.like(f'fn.reshape({x.name}, shape={list(shape)}, layout="{x.layout}")', x, shape=shape)


@step(1)
def new_axis(w):
    x = w.any()
    if "C" in x.layout:
        return w.like(f'fn.reshape(fn.squeeze(fn.expand_dims({x.name}, axes={x.rank}), axes={x.rank}), layout="{x.layout}")', x)
    return w.write(f'fn.expand_dims({x.name}, axes=0, new_axis_names="C")', x.shape and (1, *x.shape), x.dtype, "C" + x.layout)


# --- steps: neighbours -------------------------------------------------------------------------------------------

@step(2)
def blur(w):
    x = w.real()
    return w.like(w.one_of(f"fn.gaussian_blur({x.name}, sigma={w.number(0.3, 1.5)})",
                           f"fn.gaussian_blur({x.name}, sigma=fn.random.uniform(range=(0.4, 1.2)))",
                           f"fn.laplacian({x.name}, window_size=3)"), x)


@step(2)
def resize(w):
    x = w.cast(w.any(), w.one_of("float32", "int16", "uint8"))
    size = [w.one_of(1, 2, 4, 7, 10) for letter in x.layout if letter in "DHW"]
    interp = w.one_of("INTERP_LINEAR", "INTERP_NN", "INTERP_CUBIC", "INTERP_TRIANGULAR")
    sizes = iter(size)
    shape = x.shape and tuple(next(sizes) if letter in "DHW" else extent for letter, extent in zip(x.layout, x.shape))
    return w.like(f"fn.resize({x.name}, size={size}, interp_type=types.{interp})", x, shape=shape)


@step(1)
def zoom(w):
    """Of a window whose size is drawn, to a known one."""
    x = w.known()
    x = w.cast(x, w.one_of("float32", "int16", "uint8"))
    size = [w.one_of(3, 6, 8) for letter in x.layout if letter in "DHW"]
    letters = [letter for letter in x.layout if letter in "DHW"]
    crops = "".join(f", crop_{letter.lower()}=fn.random.uniform(range=(1, {max(1, x.shape[x.layout.index(letter)])}))"
                    for letter in letters)
    sizes = iter(size)
    shape = tuple(next(sizes) if letter in "DHW" else extent for letter, extent in zip(x.layout, x.shape))
    return w.like(f"fn.resize(fn.crop({x.name}{crops}), size={size})", x, shape=shape)


@step(2)
def turn(w):
    x = w.cast(w.any(), w.one_of("float32", "int16", "uint8"))
    if "D" in x.layout:
        how = f"axis={w.one_of((0, 0, 1), (1, 0, 0), (1, 2, 3))}"
        matrix = "fn.transforms.scale(scale=[1.1, 0.9, 1.0], center=[3, 2, 1])"
    else:
        how, matrix = "", "fn.transforms.shear(shear=[0.1, 0.2])"
    interp = w.one_of("INTERP_LINEAR", "INTERP_NN")
    fill = w.one_of("", ", fill_value=0", ", fill_value=5")
    return w.like(w.one_of(
        f"fn.rotate({x.name}, angle=fn.random.uniform(range=(-30, 30)), keep_size=True, interp_type=types.{interp}{fill}, {how})",
        f"fn.warp_affine({x.name}, matrix={matrix}, interp_type=types.{interp}{fill})"), x)


# --- steps: several into one -------------------------------------------------------------------------------------

def joined(w, a, b):
    if "C" in a.layout or w.below(2):
        axis = w.below(a.rank)
        shape = a.shape and tuple(n * 2 if k == axis else n for k, n in enumerate(a.shape))
        return w.like(f"fn.cat({a.name}, {b.name}, axis={axis})", a, shape=shape)
    return w.write(f'fn.stack({a.name}, {b.name}, axis_name="C")', a.shape and (2, *a.shape), a.dtype, "C" + a.layout)


@step(2)
def join(w):
    a, b = w.pair()
    dtype = w.one_of("float32", "int16")
    return joined(w, w.cast(a, dtype), w.cast(b, dtype))


@step(2)
def join_of_parts(w):
    """Two parts of a value, one of them turned around, with the shape of the whole."""
    x = w.known()
    axis = w.below(x.rank)
    first = w.below(x.shape[axis] + 1)
    other = flip(w, x)
    before = ":, " * axis
    return w.like(f"fn.cat({x.name}[{before}:{first}], {other.name}[{before}{first}:], axis={axis})", x)


@step(1)
def another_source(w):
    return w.source()


# --- steps: what may fail ----------------------------------------------------------------------------------------

@step(1)
def perhaps_outside(w):
    """A window that some draws place past the edge: an error of that sample in every evaluation."""
    x = w.known()
    if w.below(6):
        return None
    last = x.shape[-1]
    return w.like(f"fn.slice({x.name}, start=fn.cast(fn.random.uniform(range=(0, {last}), shape=[1]), dtype=types.INT32), shape=[{max(1, last // 2)}], "
                  f"axes=[{x.rank - 1}])", x, shape=x.shape[:-1] + (max(1, last // 2),))


# --- ends --------------------------------------------------------------------------------------------------------

ENDS += [flip, lambda w, value: joined(w, value, value)]
