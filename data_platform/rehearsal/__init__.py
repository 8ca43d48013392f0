"""A rehearsal: every act of the platform, in order, over days that are made up."""
