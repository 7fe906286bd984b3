package com.example;

import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** Answers every request with its version and the process that gives the answer. */
@RestController
class Answer {
    private static final String VERSION = "v1";

    @GetMapping("/")
    String answer() {
        return VERSION + " from process " + ProcessHandle.current().pid() + "\n";
    }
}
