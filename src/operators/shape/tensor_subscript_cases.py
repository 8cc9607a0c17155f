# SPDX-License-Identifier: Apache-2.0
from case import ALL, Case, ErrorCase, ramp


def reference(data, num_subscripts, **args):
    index = []
    for k in range(num_subscripts):
        if f"at_{k}" in args:
            index.append(args[f"at_{k}"])
        else:
            index.append(slice(args.get(f"lo_{k}"), args.get(f"hi_{k}"), args.get(f"step_{k}")))
    return data[tuple(index)]


VOLUME = ramp(5, 6, 7)


def subscript(name, data=VOLUME, layout="DHW", dtypes=None, **args):
    return Case(name, "tensor_subscript", [data], [layout], args, reference, dtypes=dtypes)


CASES = [
    subscript("one position", at_0=2, num_subscripts=1, dtypes=ALL),
    subscript("from the end", at_0=-1, num_subscripts=1),
    subscript("all positions", at_0=1, at_1=-2, at_2=3, num_subscripts=3),
    subscript("a range", lo_0=1, hi_0=4, num_subscripts=1),
    subscript("the middle axis goes", at_1=3, lo_2=2, num_subscripts=3),
    subscript("bounds are clamped", lo_0=-100, hi_0=100, num_subscripts=1),
    subscript("behind the end", lo_0=5, num_subscripts=1),
    subscript("every second", step_2=2, num_subscripts=3),
    subscript("a step beyond the axis", lo_2=1, step_2=100, num_subscripts=3),
    subscript("backwards", step_1=-1, num_subscripts=2),
    subscript("backwards by two, with bounds", lo_2=5, hi_2=0, step_2=-2, num_subscripts=3),
    subscript("backwards from beyond", lo_1=50, hi_1=-100, step_1=-1, num_subscripts=2),
    subscript("nothing between", lo_0=3, hi_0=1, num_subscripts=1),
    subscript("whole axes", num_subscripts=2),
    subscript("no subscript", num_subscripts=0),
    subscript("unlabelled", layout="", at_2=0, num_subscripts=3),
    subscript("empty", data=ramp(0, 3), layout="HW", step_0=-1, hi_1=2, num_subscripts=2),
    subscript("one element", data=ramp(1), layout="", at_0=0, num_subscripts=1),
    ErrorCase("position behind the end", "tensor_subscript", [VOLUME], ["DHW"], dict(at_1=6, num_subscripts=2), "IndexOutOfRange",
              ["H", "6", "-6 to 5"]),
    ErrorCase("position before the beginning", "tensor_subscript", [VOLUME], ["DHW"], dict(at_0=-6, num_subscripts=1), "IndexOutOfRange",
              ["D", "-6", "-5 to 4"]),
    ErrorCase("position of an empty axis", "tensor_subscript", [ramp(0, 2)], [""], dict(at_0=0, num_subscripts=1), "IndexOutOfRange",
              ["axis 0", "extent is 0"]),
    ErrorCase("more subscripts than axes", "tensor_subscript", [VOLUME], ["DHW"], dict(at_0=1, num_subscripts=4), "IndexOutOfRange",
              ["4 subscripts", "at most 3"]),
    ErrorCase("step 0", "tensor_subscript", [VOLUME], ["DHW"], dict(step_0=0, num_subscripts=1), "ParamError", ["D", "0"]),
    ErrorCase("position and range", "tensor_subscript", [VOLUME], ["DHW"], dict(at_0=1, lo_0=0, num_subscripts=1), "ParamError", ["axis 0"]),
    ErrorCase("subscript beyond the number", "tensor_subscript", [VOLUME], ["DHW"], dict(at_1=1, num_subscripts=1), "ParamError",
              ["axis 1", "0 to 0"]),
]
