"""Plans and kernels as renderables and documents; nothing is printed here."""
