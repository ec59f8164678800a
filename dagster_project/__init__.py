"""Cliffhanger: log files in at one door, a released warehouse, reports and statements out."""
