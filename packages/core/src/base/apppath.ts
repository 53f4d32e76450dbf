/**
 * An absolute path on the host as an app's folder may have it. Scripts quote it, but sed, JSON and
 * compose read it as well, each with characters that mean something to it.
 */
export const APP_PATH = /^(\/(?!\.\.?(\/|$))[\p{L}\p{N}._@+~ -]*[\p{L}\p{N}._@+~-])+$/u

/** What is expected of it, in words. */
export const APP_PATH_WORDS =
  'an absolute path on the host of letters, digits and . _ - + @ ~, such as /opt/diveops'
