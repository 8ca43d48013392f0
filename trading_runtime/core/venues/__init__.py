"""What differs between venues, a folder each: with the simulator the only place that names one."""
