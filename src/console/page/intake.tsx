import { useEffect, useRef, useState } from 'preact/hooks'

const filesOf = (data: DataTransfer | null): File[] => [...(data?.files ?? [])]

/** Photos by choosing, dropping anywhere on the page, or pasting. */
export function Intake({ onPhotos, compact }: { onPhotos: (photos: readonly File[]) => void; compact: boolean }) {
  const [over, setOver] = useState(false)
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => {
    const stop = new AbortController()
    const { signal } = stop
    const onDrag = (event: DragEvent): void => {
      event.preventDefault()
      setOver(event.type === 'dragover')
    }
    document.addEventListener('dragover', onDrag, { signal })
    document.addEventListener('dragleave', onDrag, { signal })
    document.addEventListener(
      'drop',
      (event) => {
        onDrag(event)
        onPhotos(filesOf(event.dataTransfer))
      },
      { signal },
    )
    document.addEventListener('paste', (event) => onPhotos(filesOf(event.clipboardData)), { signal })
    return () => stop.abort()
  }, [onPhotos])

  const onChange = (): void => {
    onPhotos([...(input.current?.files ?? [])])
    if (input.current) input.current.value = ''
  }

  return (
    <label class={`intake ${compact ? 'is-compact' : ''} ${over ? 'is-over' : ''}`}>
      <input ref={input} type="file" multiple accept="image/*,.tif,.tiff,.avif" onChange={onChange} />
      {!compact && <img src="icon.svg" alt="" width={44} height={44} />}
      <strong>{over ? 'Let go to score' : 'Choose photos'}</strong>
      <span class="quiet">or drop them anywhere, or paste</span>
    </label>
  )
}
