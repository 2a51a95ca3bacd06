/** What is measured once in every round. */
interface Round {
    void measure(Figures into) throws Exception;
}
