<?php
// Answers every request with its version and the process that gives the answer.
const VERSION = "v1";
echo VERSION, " from process ", getmypid(), "\n";
