import { defineConfig } from 'tsdown'

const library = defineConfig({
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
    'src/http.ts',
    'src/redis.ts',
    'src/testing.ts',
    'src/cli.ts',
    'src/console.ts',
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

/** The quality console's page, for browsers, with preact in it. */
const page = defineConfig({
  entry: { app: 'src/console/page/main.tsx' },
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  outDir: 'dist/console',
  dts: false,
  minify: true,
  banner: { js: '/*! With Preact, MIT licence, (c) 2015-present Jason Miller; see NOTICE. */' },
  sourcemap: false,
  deps: { alwaysBundle: ['preact'] },
  copy: ['index.html', 'console.css', 'icon.svg'].map((file) => ({
    from: `src/console/page/${file}`,
    to: 'dist/console',
  })),
})

export default [library, page]
