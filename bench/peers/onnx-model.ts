/**
 * Just enough of ONNX to write a small graph by hand: a model is a protocol buffer (onnx.proto3 of the ONNX project;
 * the numbers below are its field numbers), and a protocol buffer is a list of tagged values.
 */

type Field = readonly [number: number, value: number | string | Uint8Array];

/** Wire types: a varint, or bytes with their length in front. */
const VARINT = 0;
const BYTES = 2;

function message(fields: readonly Field[]): Uint8Array {
  const bytes: number[] = [];
  for (const [number, value] of fields) {
    if (typeof value === 'number') {
      bytes.push(...varint((number << 3) | VARINT), ...varint(value));
      continue;
    }
    const content = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    bytes.push(...varint((number << 3) | BYTES), ...varint(content.length), ...content);
  }
  return Uint8Array.from(bytes);
}

/** Seven bits a byte, the lowest first. Throws for what a graph of ours never holds. */
function varint(value: number): number[] {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`varint: expected an integer of at least 0: ${value}`);
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return bytes;
}

/** ONNX's number for float32. */
const FLOAT = 1;
/** AttributeProto.type. */
const INT = 2;
const INTS = 7;

export interface Node {
  operator: string;
  inputs: readonly string[];
  outputs: readonly string[];
  integers?: Record<string, number | readonly number[]>;
  /** Of operators beyond ONNX itself. */
  domain?: string;
}

export interface Graph {
  nodes: readonly Node[];
  /** Shapes by name. */
  inputs: Record<string, readonly number[]>;
  outputs: Record<string, readonly number[]>;
  /** float32 numbers, each a tensor without axes. */
  constants?: Record<string, number>;
}

/** The bytes of a model with this graph. */
export function encodeModel({ nodes, inputs, outputs, constants = {} }: Graph): Uint8Array {
  const graph = message([
    ...nodes.map((node): Field => [1, encodeNode(node)]),
    [2, 'attention'],
    ...Object.entries(constants).map(([name, value]): Field => [5, encodeConstant(name, value)]),
    ...Object.entries(inputs).map((entry): Field => [11, encodeValue(...entry)]),
    ...Object.entries(outputs).map((entry): Field => [12, encodeValue(...entry)]),
  ]);
  const operatorSets: [string, number][] = [
    ['', 17],
    ['com.microsoft', 1],
  ];
  return message([
    [1, 8], // The version of the format.
    [7, graph],
    ...operatorSets.map(
      ([domain, version]): Field => [
        8,
        message([
          [1, domain],
          [2, version],
        ]),
      ],
    ),
  ]);
}

function encodeNode({ operator, inputs, outputs, integers = {}, domain = '' }: Node): Uint8Array {
  return message([
    ...inputs.map((name): Field => [1, name]),
    ...outputs.map((name): Field => [2, name]),
    [4, operator],
    ...Object.entries(integers).map((entry): Field => [5, encodeAttribute(...entry)]),
    [7, domain],
  ]);
}

function encodeAttribute(name: string, value: number | readonly number[]): Uint8Array {
  if (typeof value === 'number') {
    return message([
      [1, name],
      [3, value],
      [20, INT],
    ]);
  }
  return message([[1, name], ...value.map((each): Field => [8, each]), [20, INTS]]);
}

function encodeConstant(name: string, value: number): Uint8Array {
  return message([
    [2, FLOAT],
    [8, name],
    [9, new Uint8Array(Float32Array.of(value).buffer)],
  ]);
}

function encodeValue(name: string, shape: readonly number[]): Uint8Array {
  const extents = message(shape.map((extent): Field => [1, message([[1, extent]])]));
  const tensor = message([
    [1, FLOAT],
    [2, extents],
  ]);
  return message([
    [1, name],
    [2, message([[1, tensor]])],
  ]);
}
