/** The variant that all others are measured against, by name. In its own file, so that a page can load it alone. */
export const REFERENCE_VARIANT = 'full';
