"""The built-in tools: one small module each, behind one seam."""
