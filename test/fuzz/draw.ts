import sharp, { type Sharp } from 'sharp'

/** A drawn face on a gradient: no photograph, so that whatever is made of it may be kept in the repository. */
const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" width="112" height="144">
<defs><linearGradient id="g" x2="1" y2="1"><stop stop-color="#38465a"/><stop offset="1" stop-color="#c9b48a"/></linearGradient></defs>
<rect width="112" height="144" fill="url(#g)"/><ellipse cx="56" cy="72" rx="34" ry="46" fill="#d9a988"/>
<ellipse cx="42" cy="62" rx="6" ry="4" fill="#fff"/><ellipse cx="70" cy="62" rx="6" ry="4" fill="#fff"/>
<circle cx="42" cy="62" r="3" fill="#222"/><circle cx="70" cy="62" r="3" fill="#222"/>
<path d="M56 66l-5 18h9M42 98q14 9 28 0" fill="none" stroke="#84523f" stroke-width="3"/></svg>`

// Drawn at once: as soon as a gate is open in this process, sharp reads no SVG any more.
const { data, info } = await sharp(Buffer.from(PICTURE)).flatten().raw().toBuffer({ resolveWithObject: true })

export function draw(): Sharp {
  return sharp(data, { raw: { width: info.width, height: info.height, channels: 3 } })
}
