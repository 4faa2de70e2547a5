import { useEffect, useRef, useState } from 'preact/hooks'
import type { AssessAnswer } from '../wire.ts'
import { ApiError, assess, inTurn, type Problem } from './api.ts'
import { FacePanel } from './face-panel.tsx'
import { judgeFace } from './rows.ts'
import { FaceBoxes, ProblemPanel } from './stage.tsx'
import type { Trial } from './state.ts'

/** Between an answer and the next frame. */
const PAUSE_MS = 300

async function frameOf(video: HTMLVideoElement): Promise<Blob | null> {
  if (video.videoWidth === 0) return null
  const canvas = document.createElement('canvas')
  canvas.width = video.videoWidth
  canvas.height = video.videoHeight
  canvas.getContext('2d')?.drawImage(video, 0, 0)
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.92))
}

const release = (stream: MediaStream | undefined): void => {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

const failureText = (error: unknown): string => {
  const name = error instanceof Error ? error.name : ''
  if (name === 'NotAllowedError') return 'The browser was not allowed to use the camera.'
  if (name === 'NotFoundError') return 'No camera was found.'
  return 'The camera cannot be used.'
}

export interface WebcamProps {
  readonly trial: Trial
  readonly onPhoto: (photo: File) => void
  readonly onStop: () => void
}

/** The camera, scored live; frames are judged one after the other and forgotten. */
export function Webcam({ trial, onPhoto, onStop }: WebcamProps) {
  const video = useRef<HTMLVideoElement>(null)
  const [answer, setAnswer] = useState<AssessAnswer>()
  const [problem, setProblem] = useState<Problem>()
  const [failure, setFailure] = useState<string>()
  const [face, setFace] = useState(0)

  useEffect(() => {
    const stop = new AbortController()
    let stream: MediaStream | undefined
    const judgeFrame = async (): Promise<void> => {
      const frame = video.current && (await frameOf(video.current))
      if (!frame || stop.signal.aborted) return
      try {
        setAnswer(await inTurn(() => assess(frame, false, stop.signal)))
        setProblem(undefined)
      } catch (error) {
        if (stop.signal.aborted || !(error instanceof ApiError)) return
        setAnswer(undefined)
        setProblem(error.problem)
      }
    }
    const run = async (): Promise<void> => {
      if (!navigator.mediaDevices)
        return setFailure('Browsers lend the camera to https:// pages and to localhost only.')
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: 'user' } })
      } catch (error) {
        return setFailure(failureText(error))
      }
      if (stop.signal.aborted) return release(stream)
      if (video.current) video.current.srcObject = stream
      const [track] = stream.getVideoTracks()
      track?.addEventListener('ended', () => {
        setAnswer(undefined)
        setFailure('The camera was taken away.')
        stop.abort()
      })
      while (!stop.signal.aborted) {
        // Nobody looks at a page behind others.
        if (!document.hidden) await judgeFrame()
        await new Promise((done) => setTimeout(done, PAUSE_MS))
      }
    }
    void run()
    return () => {
      stop.abort()
      release(stream)
    }
  }, [])

  const take = async (): Promise<void> => {
    const frame = video.current && (await frameOf(video.current))
    if (frame) onPhoto(new File([frame], `webcam ${new Date().toLocaleTimeString('en-GB')}.jpg`, { type: frame.type }))
  }

  const current = answer?.faces[face] ?? answer?.faces[0]
  return (
    <>
      <figure class="stage">
        <div class="frame">
          <video ref={video} autoPlay playsInline muted aria-label="Camera" />
          {answer && <FaceBoxes answer={answer} trial={trial} selected={face} onSelect={setFace} />}
        </div>
        <figcaption class="actions">
          <button type="button" class="button is-main" onClick={take} disabled={failure !== undefined}>
            Keep this frame
          </button>
          <button type="button" class="button" onClick={onStop}>
            Stop the camera
          </button>
        </figcaption>
      </figure>
      <section class="panel" aria-label="Verdict on the camera's picture">
        <h2>Live</h2>
        {failure && (
          <p class="problem" role="alert">
            {failure}
          </p>
        )}
        {current && <FacePanel judged={judgeFace(current, trial)} trial={trial} />}
        {problem && <ProblemPanel problem={problem} />}
        {!failure && !current && !problem && <p class="quiet">Waiting for the camera …</p>}
      </section>
    </>
  )
}
