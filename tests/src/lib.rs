//! System tests live in `it/`, rules of the house in `tidy/`.
