/** Where this box takes orders, from within only. */
export const CONTROL_PORT = 8000
