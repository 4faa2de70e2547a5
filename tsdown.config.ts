import { defineConfig } from 'tsdown'

export default defineConfig({
  entry: [
    'src/index.ts',
    'src/express.ts',
    'src/metrics.ts',
    'src/matcher.ts',
    'src/human.ts',
    'src/onnx.ts',
    'src/face-api.ts',
    'src/pgvector.ts',
    'src/rekognition.ts',
    'src/compreface.ts',
    'src/azure-face.ts',
    'src/regula.ts',
    'src/cli.ts',
    'src/worker.ts',
    'src/embed-worker.ts',
  ],
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  outDir: 'dist',
  fixedExtension: false,
  dts: true,
  sourcemap: false,
})
