"""The arithmetic: orthonormal bases, the one kernel, array libraries and devices."""
