"""The quantized program: the operators in their order, with QUANTIZE and DEQUANTIZE where types meet.

Right after what makes a value stand its conversions: QUANTIZE to each other type that is asked for, then DEQUANTIZE if
an operator in float or the graph's output reads it.
"""

from __future__ import annotations

from dataclasses import replace

from qcore.ir import Operator
from qcore.quantizer.full_integer.choose import Choice
from qcore.quantizer.full_integer.plan import Plan, Use
from qcore.quantizer.full_integer.solve import Request, Solution
from qcore.quantizer.program import Line, Program, Value, conversion
from qcore.quantizer.quantized_type import QuantizedType
from tflite_schema import BuiltinOperator

__all__ = ["rewrite"]

_INTERMEDIATES = (
    "input_to_input_intermediate",
    "input_to_forget_intermediate",
    "input_to_cell_intermediate",
    "input_to_output_intermediate",
    "effective_hidden_scale_intermediate",
)


def rewrite(plan: Plan, solution: Solution, choice: Choice) -> Program:
    """The program of a plan whose types are solved and whose integer operators are chosen."""
    return _Writer(plan, solution, choice).run()


class _Writer:
    """Writes line after line; `operand[use]` is what a later line reads, `output[tensor]` what the graph returns."""

    def __init__(self, plan: Plan, solution: Solution, choice: Choice) -> None:
        self.plan = plan
        self.solution = solution
        self.choice = choice
        self.program = Program()
        self.operand: dict[Use, Value] = {}
        self.output: dict[int, Value] = {}
        self.spread = frozenset(plan.spread())
        self.waiting: dict[int, list[int]] = {}
        for tensor, pair in plan.pairs.items():
            self.waiting.setdefault(pair.position, []).append(tensor)
        self.made: dict[int, Value] = {}
        self.placed: list[tuple[int, int]] = []
        self.constants: dict[tuple[int, QuantizedType | None], Value] = {}

    def run(self) -> Program:
        """Inputs first: those whose type spread to them, last one first; then those with their own range.

        Pairs that the float graph holds stay where they stood in it.
        """
        values = {tensor: self._value(tensor) for tensor in self.plan.graph.inputs}
        self.program.inputs = list(values.values())
        effective = [tensor for tensor in values if self.plan.is_float(tensor) and self.choice.effective(tensor)]
        own = [tensor for tensor in effective if tensor in self.solution.own and tensor not in self.plan.pairs]
        spread = [tensor for tensor in effective if tensor not in self.solution.own]
        for tensor in values:
            self._read_everywhere(tensor, values[tensor])
        for tensor in reversed(spread):
            self._convert_float(tensor, values[tensor], "")
        for line in self.program.lines:
            line.early = True
        for tensor in own:
            self._convert_float(tensor, values[tensor], "")
        self.made.update(values)
        for index in range(len(self.plan.graph.operators)):
            self._convert_waiting(index)
            self._write(index)
        self._convert_waiting(len(self.plan.graph.operators))
        self._place_constants()
        self.program.outputs = [self.output.get(t) or self._constant(t, None) for t in self.plan.graph.outputs]
        return self.program

    def _write(self, index: int) -> None:
        operator = self.plan.graph.operators[index]
        inputs = [self._operand(index, position) for position in range(len(operator.inputs))]
        integer = index in self.choice.integer
        if operator.code == BuiltinOperator.FAKE_QUANT and operator.outputs[0] in self.plan.pairs:
            assert inputs[0] is not None
            self.made[operator.outputs[0]] = inputs[0]
            return
        outputs = [self._result(tensor, integer) for tensor in operator.outputs]
        for value in outputs:
            value.name = self._location(index)
        self.program.lines.append(Line(operator, inputs, outputs, intermediates=self._intermediates(operator)))
        for tensor, value in zip(operator.outputs, outputs, strict=True):
            self._read_everywhere(tensor, value)
        for tensor, value in zip(operator.outputs, outputs, strict=True):
            self.made[tensor] = value
            if not self.plan.is_float(tensor) or not self.choice.effective(tensor) or tensor in self.plan.pairs:
                continue
            if integer:
                self._convert_integer(tensor, value)
            else:
                self._convert_float(tensor, value, self.plan.location(operator))

    def _convert_waiting(self, position: int) -> None:
        """Write the pairs that stood before the operator at `position`."""
        for tensor in self.waiting.get(position, []):
            value = self.made.get(tensor)
            if value is None:
                self.placed.append((len(self.program.lines), tensor))
            elif value.quantized is not None:
                self._convert_integer(tensor, value)
            else:
                self._convert_float(tensor, value, self.plan.pairs[tensor].quantized.name)

    def _place_constants(self) -> None:
        """Constants stand where their QUANTIZE stood."""
        for position, tensor in self.placed:
            value = self.constants.get((tensor, self.solution.types[tensor]))
            if value is not None and position < len(self.program.lines):
                self.program.lines[position].before.append(value)

    def _location(self, index: int) -> str:
        """The name of an operator's results; weights that the converter folds into a float operator add theirs."""
        operator = self.plan.graph.operators[index]
        folded = [
            self.plan.graph.tensors[tensor].name
            for position, tensor in enumerate(operator.inputs)
            if index not in self.choice.integer and tensor >= 0 and self.choice.reads_integer((index, position))
        ]
        return ";".join(name for name in (self.plan.location(operator), *folded) if name)

    def _intermediates(self, operator: Operator) -> list[Value]:
        """They have their types even where the operator computes in float."""
        return (
            [
                Value(name, self.plan.graph.tensors[tensor], self.solution.types.get(tensor))
                for name, tensor in zip(_INTERMEDIATES, operator.intermediates, strict=True)
            ]
            if operator.intermediates
            else []
        )

    # Operands and results ---------------------------------------------------------------------------------------------

    def _value(self, tensor: int, quantized: QuantizedType | None = None) -> Value:
        source = self.plan.graph.tensors[tensor]
        return Value(source.name, source, quantized)

    def _read_everywhere(self, tensor: int, value: Value) -> None:
        for use in self.plan.uses.get(tensor, []):
            self.operand[use] = value
        self.output[tensor] = value

    def _operand(self, index: int, position: int) -> Value | None:
        tensor = self.plan.graph.operators[index].inputs[position]
        if tensor < 0:
            return None
        if (index, position) in self.operand:
            return self.operand[index, position]
        integer = self.plan.is_float(tensor) and self.choice.reads_integer((index, position))
        if self.plan.graph.tensors[tensor].is_variable:
            return self._variable(tensor, self.solution.types[tensor] if integer else None)
        return self._constant(tensor, self.solution.types[tensor] if integer else None)

    def _variable(self, tensor: int, quantized: QuantizedType | None) -> Value:
        key = (tensor, quantized)
        if key not in self.constants:
            self.constants[key] = self._value(tensor, quantized)
            self.constants[key].source = tensor
            if quantized is not None:
                self.constants[key].name = ""
        return self.constants[key]

    def _constant(self, tensor: int, quantized: QuantizedType | None) -> Value:
        # Copies that were not needed after all become one again, which then has no name.
        origin = tensor if quantized is not None else self.plan.origin.get(tensor, tensor)
        key = (origin, quantized)
        if key not in self.constants:
            value = self.constants[key] = self._value(tensor, quantized)
            value.source = tensor
            pair = self.plan.pairs.get(tensor)
            if quantized is not None:
                value.constant = self.plan.formulas.quantize(quantized, self.plan.values[tensor])
                if pair is not None:
                    value.tensor = replace(pair.quantized, shape=value.tensor.shape)
                    value.name, value.ranked = pair.quantized.name, "has_rank" in pair.quantized.extra
            elif pair is not None:
                value.name = ";".join((pair.dequantized.name, value.name, pair.quantized.name))
        elif self.constants[key].source != tensor:
            self.constants[key].name = ""
        return self.constants[key]

    def _result(self, tensor: int, integer: bool) -> Value:
        if not integer or not self.plan.is_float(tensor):
            return self._value(tensor)
        requests = self._requests(tensor)
        if requests and (requests[0].by_producer or self._is_fold(tensor, requests)):
            return self._value(tensor, requests[0].type)
        return self._value(tensor, self.solution.types[tensor])

    # Conversions ------------------------------------------------------------------------------------------------------

    def _requests(self, tensor: int) -> list[Request]:
        """The conversions of a tensor; those of a float operator's result that are not its own are not carried out."""
        producer = self.plan.producers.get(tensor)
        if producer is not None and producer not in self.spread:
            return []
        return self.solution.conversions(tensor)

    def _readers(self, uses: list[Use]) -> tuple[list[Use], list[Use]]:
        """Those of the uses that read integers, and those that read floats."""
        integers = [use for use in uses if self.choice.reads_integer(use)]
        return integers, [use for use in uses if use not in integers]

    def _base_uses(self, tensor: int, requests: list[Request]) -> list[Use]:
        converted = {use for request in requests if not request.by_producer for use in request.uses}
        return [use for use in self.plan.uses.get(tensor, []) if use not in converted]

    def _is_fold(self, tensor: int, requests: list[Request]) -> bool:
        """Whether the operator can write the requested type itself: one request, and nobody reads the value before."""
        producer = self.plan.producers[tensor]
        return (
            len(requests) == 1
            and not self._base_uses(tensor, requests)
            and tensor not in self.plan.graph.outputs
            and not self.plan.rules[producer].same_scale
            and self.plan.fixed(producer) is None
        )

    def _quantize(self, source: Value, quantized: QuantizedType, name: str, removable: bool) -> Value:
        result = Value(name, source.tensor, quantized)
        self.program.lines.append(conversion(BuiltinOperator.QUANTIZE, source, result, removable=removable))
        return result

    def _dequantize(self, source: Value, name: str) -> Value:
        result = Value(name, source.tensor)
        self.program.lines.append(conversion(BuiltinOperator.DEQUANTIZE, source, result))
        return result

    def _dequantized_name(self, tensor: int, location: str) -> str:
        pair = self.plan.pairs.get(tensor)
        if pair is not None:
            return pair.dequantized.name
        return "" if tensor in self.solution.own else location

    def _convert_requests(self, source: Value, requests: list[Request], name: str) -> None:
        """A QUANTIZE for each request by readers, and a DEQUANTIZE for those of them that compute in float."""
        for request in requests:
            integers, floats = self._readers(request.uses)
            if request.type == source.quantized:
                value = source
            elif integers or floats:
                value = self._quantize(source, request.type, name, removable=False)
            for use in integers:
                self.operand[use] = value
            if floats:
                result = self._dequantize(value, name)
                for use in floats:
                    self.operand[use] = result

    def _convert_integer(self, tensor: int, made: Value) -> None:
        """After an integer operator: `made` is what it writes."""
        requests = self._requests(tensor)
        base = made
        integers, floats = self._readers(self._base_uses(tensor, requests))
        is_output, lasting = tensor in self.plan.graph.outputs, tensor in self.solution.lasting
        if requests and requests[0].by_producer:
            if integers or (is_output and not floats) or (lasting and floats):
                name = self.plan.pairs[tensor].quantized.name if tensor in self.plan.pairs else made.name
                base = self._quantize(made, self.solution.types[tensor], name, removable=not lasting)
        else:
            self._convert_requests(made, requests, made.name)
        for use in integers:
            self.operand[use] = base
        if floats or is_output:
            result = self._dequantize(
                base if lasting or not floats else made, self._dequantized_name(tensor, made.name)
            )
            for use in floats:
                self.operand[use] = result
            self.output[tensor] = result

    def _convert_float(self, tensor: int, made: Value, location: str) -> None:
        """After a graph input or a float operator: QUANTIZE for readers in integers.

        A graph input keeps its pair of QUANTIZE and DEQUANTIZE for readers in float, and a result its pair for the
        graph's output, until the types at the border are settled. Those that last are kept for good.
        """
        requests = self._requests(tensor)
        if requests and requests[0].by_producer:
            name = self.plan.graph.tensors[tensor].name if tensor in self.plan.pairs else location
            self._convert_integer(tensor, self._quantize(made, requests[0].type, name, removable=False))
            return
        integers, floats = self._readers(self._base_uses(tensor, requests))
        lasting, is_output = tensor in self.solution.lasting, tensor in self.plan.graph.outputs
        keeps = lasting or tensor in self.plan.graph.inputs
        paired_output = is_output and (keeps or not floats)
        if not (integers or requests or paired_output or (keeps and floats)):
            return
        unnamed = tensor in self.solution.own and (not lasting or tensor in self.plan.firm)
        name = "" if unnamed else location
        base = self._quantize(made, self.solution.types[tensor], name, removable=not lasting)
        self._convert_requests(base, requests, "" if tensor in self.plan.graph.inputs else location)
        for use in integers:
            self.operand[use] = base
        if paired_output or (keeps and floats):
            result = self._dequantize(base, self._dequantized_name(tensor, location))
            for use in floats if keeps else []:
                self.operand[use] = result
            self.output[tensor] = result
