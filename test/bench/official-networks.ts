import { bytes, ints, lengthField, node, onnxModel, utf8, valueInfo, varintField } from '../fixtures/onnx-writer.ts'

/**
 * The convolutions of the networks that DifFIQA's official configuration names, with made-up weights: their cost, nothing else. Norms,
 * attention and time embedding are left out, so the time is a lower bound.
 */
class Convolutions {
  readonly nodes: Uint8Array[] = []
  readonly tensors: Uint8Array[] = []
  #count = 0

  #name(): string {
    return `t${this.#count++}`
  }

  #add(operator: string, inputs: string[], attributes: Uint8Array[] = []): string {
    const output = this.#name()
    this.nodes.push(node(operator, inputs, [output], attributes))
    return output
  }

  /** Weights are a constant that the runtime makes when it loads the file: hundreds of megabytes need not be written. */
  conv(x: string, from: number, to: number, side: number, stride = 1): string {
    const shape = this.#name()
    const dims = [to, from, side, side]
    const whole = bytes([
      varintField(1, dims.length),
      varintField(2, 7),
      ...dims.map((d) => varintField(7, d)),
      lengthField(8, utf8(shape)),
    ])
    this.tensors.push(whole)
    const value = new Uint8Array(Float32Array.of(1 / (from * side * side)).buffer)
    const tensor = bytes([varintField(1, 1), varintField(2, 1), lengthField(9, value)])
    const attribute = bytes([lengthField(1, utf8('value')), lengthField(5, tensor), varintField(20, 4)])
    const weight = this.#add('ConstantOfShape', [shape], [attribute])
    const pad = Math.floor(side / 2)
    return this.#add(
      'Conv',
      [x, weight],
      [ints('kernel_shape', [side, side]), ints('strides', [stride, stride]), ints('pads', [pad, pad, pad, pad])],
    )
  }

  relu(x: string): string {
    return this.#add('Relu', [x])
  }

  silu(x: string): string {
    return this.#add('Mul', [x, this.#add('Sigmoid', [x])])
  }

  sum(a: string, b: string): string {
    return this.#add('Add', [a, b])
  }

  concat(a: string, b: string): string {
    const axis = bytes([lengthField(1, utf8('axis')), varintField(3, 1), varintField(20, 2)])
    return this.#add('Concat', [a, b], [axis])
  }

  /** Twice as wide and high: depth to space of four times the channels, at no cost of its own. */
  widen(x: string): string {
    const block = bytes([lengthField(1, utf8('blocksize')), varintField(3, 2), varintField(20, 2)])
    const four = this.concat(this.concat(x, x), this.concat(x, x))
    return this.#add('DepthToSpace', [four], [block])
  }

  finish(x: string, channels: number, size: number): Uint8Array {
    const output = 'output'
    this.nodes.push(node('Identity', [x], [output], []))
    return onnxModel(
      this.nodes,
      this.tensors,
      valueInfo('face', [1, 3, 112, 112]),
      valueInfo(output, [1, channels, size, size]),
    )
  }
}

/** Two 3×3 convolutions with a shortcut. */
function block(net: Convolutions, x: string, from: number, to: number): string {
  const inner = net.silu(net.conv(net.silu(net.conv(x, from, to, 3)), to, to, 3))
  return net.sum(inner, from === to ? x : net.conv(x, from, to, 1))
}

/** Denoising UNet: width 128, multipliers 1-2-4-8, two blocks a level, 112 × 112. */
export function officialUnet(): Uint8Array {
  const net = new Convolutions()
  const first = net.conv('face', 3, 128, 7)
  const widths = [128, 128, 256, 512, 1024]
  const skips: string[] = []
  let x = first
  for (let level = 0; level < 4; level++) {
    const [from, to] = [widths[level] as number, widths[level + 1] as number]
    x = block(net, x, from, from)
    skips.push(x)
    x = block(net, x, from, from)
    skips.push(x)
    x = net.conv(x, from, to, 3, level < 3 ? 2 : 1)
  }
  x = block(net, block(net, x, 1024, 1024), 1024, 1024)
  for (let level = 3; level >= 0; level--) {
    const [low, high] = [widths[level] as number, widths[level + 1] as number]
    for (let i = 0; i < 2; i++) x = block(net, net.concat(x, skips.pop() as string), high + low, high)
    x = net.conv(level > 0 ? net.widen(x) : x, high, low, 3)
  }
  x = block(net, net.concat(x, first), 256, 128)
  return net.finish(net.conv(x, 128, 3, 1), 3, 112)
}

/** Recognition network of the size of an iResNet-100: 3-13-30-3 blocks of 64-128-256-512 channels. */
export function officialEmbedder(): Uint8Array {
  const net = new Convolutions()
  let x = net.relu(net.conv('face', 3, 64, 3))
  let from = 64
  for (const [width, blocks] of [
    [64, 3],
    [128, 13],
    [256, 30],
    [512, 3],
  ] as const) {
    for (let i = 0; i < blocks; i++) {
      const stride = i === 0 ? 2 : 1
      const inner = net.conv(net.relu(net.conv(x, from, width, 3)), width, width, 3, stride)
      x = net.sum(inner, i === 0 ? net.conv(x, from, width, 1, stride) : x)
      from = width
    }
  }
  return net.finish(x, 512, 7)
}
