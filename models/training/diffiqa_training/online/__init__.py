"""Training with labels measured on the fly: every crop is varied and degraded anew, and SFace says at once what that did to it."""
