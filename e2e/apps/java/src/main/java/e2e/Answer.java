package e2e;

/** The version that the application answers with: the one class that a case compiles anew and syncs. */
final class Answer {

    private Answer() {
    }

    /** A method and not a constant: javac copies constants into the classes that read them. */
    static String version() {
        return "v1";
    }
}
