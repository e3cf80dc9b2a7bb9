"""What in a disordered structure makes it a glass?

The folders read as the data flow: `systems` and `simulate` make `trajectories`; `graphs` and
`voxels` turn snapshots into network input; `models` and `training` learn liquid against glass;
`explain`, `dynamics` and `structure` add per-particle fields; `compare` and `report` judge them.
"""

__version__ = "0.1.0"
