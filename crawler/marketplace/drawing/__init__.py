"""Drawing goods that look photographed: forms with depth, materials, light, scenes and a camera, all from a seed."""
